// Stored halves to floats. Integer operations and one product, so the bits are the same on every
// instruction set; decode_half in half.hpp is the same for one value.
namespace cl2d::kernels {
namespace {

typedef std::uint32_t BitVec __attribute__((vector_size(4 * kWidth)));
typedef std::uint16_t LooseHalfVec __attribute__((vector_size(2 * kWidth), aligned(2), may_alias));

void decode_halves(const std::uint16_t* from, std::int64_t n, float scale, float* to) {
  const float unbiased = 0x1p112F / scale;
  for (std::int64_t i = 0; i < n; i += kWidth) {
    const auto halves = *reinterpret_cast<const LooseHalfVec*>(from + i);
    const BitVec wide = __builtin_convertvector(halves, BitVec);
    const BitVec bits = (wide & 0x7fffU) << 13 | (wide & 0x8000U) << 16;
    store(to + i, (Vec)bits * unbiased);
  }
}

}  // namespace
}  // namespace cl2d::kernels
