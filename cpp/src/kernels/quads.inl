// Vectors of neighbouring pixels, eight or four, seen as quads of four lanes: the splines' lanes.
namespace cl2d::kernels {
namespace {

#if CL2D_VECTOR_WIDTH >= 8
constexpr int kPixels = 8;
#else
constexpr int kPixels = 4;
#endif
constexpr int kQuad = 4;

typedef float Pixels __attribute__((vector_size(4 * kPixels)));
typedef std::int32_t PixelNumbers __attribute__((vector_size(4 * kPixels)));
typedef float LoosePixels __attribute__((vector_size(4 * kPixels), aligned(4), may_alias));

inline Pixels load_pixels(const float* p) { return *reinterpret_cast<const LoosePixels*>(p); }
inline void store_pixels(float* p, Pixels v) { *reinterpret_cast<LoosePixels*>(p) = v; }

// GCC and Clang name the same thing differently.
#ifdef __clang__
#define CL2D_SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define CL2D_SHUFFLE(a, b, ...) __builtin_shuffle(a, b, PixelNumbers{__VA_ARGS__})
#endif

#if CL2D_VECTOR_WIDTH >= 8
inline Pixels low_pairs(Pixels a, Pixels b) { return CL2D_SHUFFLE(a, b, 0, 8, 1, 9, 4, 12, 5, 13); }
inline Pixels high_pairs(Pixels a, Pixels b) {
  return CL2D_SHUFFLE(a, b, 2, 10, 3, 11, 6, 14, 7, 15);
}
inline Pixels low_halves(Pixels a, Pixels b) {
  return CL2D_SHUFFLE(a, b, 0, 1, 8, 9, 4, 5, 12, 13);
}
inline Pixels high_halves(Pixels a, Pixels b) {
  return CL2D_SHUFFLE(a, b, 2, 3, 10, 11, 6, 7, 14, 15);
}

/// Four neighbours at p and the four at p + step.
inline Pixels load_quads(const float* p, std::int64_t step) {
  typedef float LooseQuad __attribute__((vector_size(16), aligned(4), may_alias));
  const LooseQuad a = *reinterpret_cast<const LooseQuad*>(p);
  const LooseQuad b = *reinterpret_cast<const LooseQuad*>(p + step);
  return Pixels{a[0], a[1], a[2], a[3], b[0], b[1], b[2], b[3]};
}

/// Eight sums, one a tap.
struct Taps {
  Pixels all;
};

inline Taps weighted(float weight, const float* p) { return {weight * load_pixels(p)}; }
inline Taps add_weighted(const Taps& sum, float weight, const float* p) {
  return {sum.all + weight * load_pixels(p)};
}

/// The sums of two pixels that lie a quad apart: in each quad those of one, first the taps 0 to 3.
inline Pixels first_taps(const Taps& a, const Taps& b) {
  return CL2D_SHUFFLE(a.all, b.all, 0, 1, 2, 3, 8, 9, 10, 11);
}
inline Pixels last_taps(const Taps& a, const Taps& b) {
  return CL2D_SHUFFLE(a.all, b.all, 4, 5, 6, 7, 12, 13, 14, 15);
}
#else
inline Pixels low_pairs(Pixels a, Pixels b) { return CL2D_SHUFFLE(a, b, 0, 4, 1, 5); }
inline Pixels high_pairs(Pixels a, Pixels b) { return CL2D_SHUFFLE(a, b, 2, 6, 3, 7); }
inline Pixels low_halves(Pixels a, Pixels b) { return CL2D_SHUFFLE(a, b, 0, 1, 4, 5); }
inline Pixels high_halves(Pixels a, Pixels b) { return CL2D_SHUFFLE(a, b, 2, 3, 6, 7); }

inline Pixels load_quads(const float* p, std::int64_t) { return load_pixels(p); }

struct Taps {
  Pixels first;
  Pixels last;
};

inline Taps weighted(float weight, const float* p) {
  return {weight * load_pixels(p), weight * load_pixels(p + kQuad)};
}
inline Taps add_weighted(const Taps& sum, float weight, const float* p) {
  return {sum.first + weight * load_pixels(p), sum.last + weight * load_pixels(p + kQuad)};
}

/// With one quad a vector there is but one pixel.
inline Pixels first_taps(const Taps& a, const Taps&) { return a.first; }
inline Pixels last_taps(const Taps& a, const Taps&) { return a.last; }
#endif
#undef CL2D_SHUFFLE

/// Exchange lane j of vector k with lane k of vector j, in each quad.
inline void transpose_quads(Pixels* a) {
  const Pixels low_even = low_pairs(a[0], a[1]), low_odd = low_pairs(a[2], a[3]);
  const Pixels high_even = high_pairs(a[0], a[1]), high_odd = high_pairs(a[2], a[3]);
  a[0] = low_halves(low_even, low_odd);
  a[1] = high_halves(low_even, low_odd);
  a[2] = low_halves(high_even, high_odd);
  a[3] = high_halves(high_even, high_odd);
}

}  // namespace
}  // namespace cl2d::kernels
