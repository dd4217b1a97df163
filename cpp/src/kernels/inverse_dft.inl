// Stockham inverse DFT over lanes: x_j = sum_m X_m exp(+2 pi i m j / n), natural order in and out.
// A forward DFT is the same with real and imaginary parts exchanged on the way in and out.
namespace cl2d::kernels {
namespace {

template <int Radix>
struct Butterfly;

template <>
struct Butterfly<2> {
  static inline void apply(Complex* a) {
    const Complex s{a[0].re + a[1].re, a[0].im + a[1].im};
    a[1] = {a[0].re - a[1].re, a[0].im - a[1].im};
    a[0] = s;
  }
};

template <>
struct Butterfly<3> {
  static inline void apply(Complex* a) {
    constexpr float kSin = 0.86602540378443864676F;  // sin(2 pi / 3)
    const Vec sum_re = a[1].re + a[2].re, sum_im = a[1].im + a[2].im;
    const Vec turn_re = -kSin * (a[1].im - a[2].im), turn_im = kSin * (a[1].re - a[2].re);
    const Vec mid_re = a[0].re - 0.5F * sum_re, mid_im = a[0].im - 0.5F * sum_im;
    a[0] = {a[0].re + sum_re, a[0].im + sum_im};
    a[1] = {mid_re + turn_re, mid_im + turn_im};
    a[2] = {mid_re - turn_re, mid_im - turn_im};
  }
};

template <>
struct Butterfly<4> {
  static inline void apply(Complex* a) {
    const Vec t0r = a[0].re + a[2].re, t0i = a[0].im + a[2].im;
    const Vec t1r = a[0].re - a[2].re, t1i = a[0].im - a[2].im;
    const Vec t2r = a[1].re + a[3].re, t2i = a[1].im + a[3].im;
    const Vec t3r = a[3].im - a[1].im, t3i = a[1].re - a[3].re;  // i (a1 - a3)
    a[0] = {t0r + t2r, t0i + t2i};
    a[1] = {t1r + t3r, t1i + t3i};
    a[2] = {t0r - t2r, t0i - t2i};
    a[3] = {t1r - t3r, t1i - t3i};
  }
};

template <>
struct Butterfly<5> {
  static inline void apply(Complex* a) {
    constexpr float kCos1 = 0.30901699437494742410F, kSin1 = 0.95105651629515357212F;   // 2 pi / 5
    constexpr float kCos2 = -0.80901699437494742410F, kSin2 = 0.58778525229247312917F;  // 4 pi / 5
    const Vec s1r = a[1].re + a[4].re, s1i = a[1].im + a[4].im;
    const Vec d1r = a[1].re - a[4].re, d1i = a[1].im - a[4].im;
    const Vec s2r = a[2].re + a[3].re, s2i = a[2].im + a[3].im;
    const Vec d2r = a[2].re - a[3].re, d2i = a[2].im - a[3].im;
    const Vec m1r = a[0].re + kCos1 * s1r + kCos2 * s2r, m1i = a[0].im + kCos1 * s1i + kCos2 * s2i;
    const Vec m2r = a[0].re + kCos2 * s1r + kCos1 * s2r, m2i = a[0].im + kCos2 * s1i + kCos1 * s2i;
    const Vec t1r = -(kSin1 * d1i + kSin2 * d2i), t1i = kSin1 * d1r + kSin2 * d2r;
    const Vec t2r = kSin1 * d2i - kSin2 * d1i, t2i = kSin2 * d1r - kSin1 * d2r;
    a[0] = {a[0].re + s1r + s2r, a[0].im + s1i + s2i};
    a[1] = {m1r + t1r, m1i + t1i};
    a[2] = {m2r + t2r, m2i + t2i};
    a[3] = {m2r - t2r, m2i - t2i};
    a[4] = {m1r - t1r, m1i - t1i};
  }
};

/// One pass: `length` is what is left to transform, `stride` what has been done.
template <int Radix>
void dft_pass(const Complex* in, Complex* out, int length, int stride, const float* twiddles) {
  const int m = length / Radix;
  for (int p = 0; p < m; ++p) {
    const float* w = twiddles + p * 2 * (Radix - 1);
    for (int q = 0; q < stride; ++q) {
      Complex a[Radix];
      for (int j = 0; j < Radix; ++j) a[j] = in[q + stride * (p + m * j)];
      Butterfly<Radix>::apply(a);
      Complex* to = out + q + stride * Radix * p;
      to[0] = a[0];
      for (int j = 1; j < Radix; ++j) {
        const float c = w[2 * j - 2], s = w[2 * j - 1];
        to[stride * j] = {a[j].re * c - a[j].im * s, a[j].re * s + a[j].im * c};
      }
    }
  }
}

void dft_pass_of(
    int radix, const Complex* in, Complex* out, int length, int stride, const float* w) {
  switch (radix) {
    case 2:
      return dft_pass<2>(in, out, length, stride, w);
    case 3:
      return dft_pass<3>(in, out, length, stride, w);
    case 4:
      return dft_pass<4>(in, out, length, stride, w);
    default:
      return dft_pass<5>(in, out, length, stride, w);
  }
}

/// Run stages 0..n_stages-1; the buffers swap at each stage and the result's buffer is returned.
Complex* dft_stages(const DftPlan& plan, int n_stages, Complex* data, Complex* scratch) {
  int length = plan.n, stride = 1;
  const float* w = plan.twiddles;
  for (int stage = 0; stage < n_stages; ++stage) {
    const int radix = plan.radices[stage];
    dft_pass_of(radix, data, scratch, length, stride, w);
    w += 2 * (radix - 1) * (length / radix);
    length /= radix;
    stride *= radix;
    Complex* swap = data;
    data = scratch;
    scratch = swap;
  }
  return data;
}

}  // namespace
}  // namespace cl2d::kernels
