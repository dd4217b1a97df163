// Vectors of lanes: one lane is one image, so no kernel ever shuffles.
namespace cl2d::kernels {
namespace {

constexpr int kTile = 16;
constexpr int kWidth = CL2D_VECTOR_WIDTH;
constexpr int kParts = kTile / kWidth;

typedef float Vec __attribute__((vector_size(4 * kWidth)));
typedef std::int32_t IntVec __attribute__((vector_size(4 * kWidth)));
// The same vector at any address: numpy and scratch memory promise 64 bytes only at row starts.
typedef float LooseVec __attribute__((vector_size(4 * kWidth), aligned(4), may_alias));
typedef std::int32_t LooseIntVec __attribute__((vector_size(4 * kWidth), aligned(4), may_alias));

inline Vec load(const float* p) { return *reinterpret_cast<const LooseVec*>(p); }
inline void store(float* p, Vec v) { *reinterpret_cast<LooseVec*>(p) = v; }
inline IntVec load(const std::int32_t* p) { return *reinterpret_cast<const LooseIntVec*>(p); }
inline void store(std::int32_t* p, IntVec v) { *reinterpret_cast<LooseIntVec*>(p) = v; }

/// One complex value per lane; a DFT buffer is an array of these.
struct Complex {
  Vec re;
  Vec im;
};

}  // namespace
}  // namespace cl2d::kernels
