// Values of a quintic B-spline at the pixels of a moved image, and their sums.
namespace cl2d::kernels {
namespace {

constexpr int kSplineTaps = 6;

/// 120 beta5 at the six taps around pixels that lie t = fraction - 1/2 from the middle between the
/// two nearest. Taps k and 5 - k have the same even part and opposite odd parts. The prefilter
/// leaves out its gain of 120 for each axis, which cancels the factor here.
inline void tap_weights(const float* fractions, Pixels* weights) {
  const Pixels t = load_pixels(fractions) - 0.5F;
  const Pixels s = t * t;
  const Pixels odd[] = {-t * ((s + 2.5F) * s + 0.3125F),
                        t * ((5.0F * s - 7.5F) * s - 23.4375F),
                        t * ((35.0F - 10.0F * s) * s - 48.125F)};
  const Pixels even[] = {(2.5F * s + 1.25F) * s + 0.03125F,
                         (26.25F - 7.5F * s) * s + 7.40625F,
                         (5.0F * s - 27.5F) * s + 52.5625F};
  for (int k = 0; k < kSplineTaps / 2; ++k) {
    weights[k] = even[k] + odd[k];
    weights[kSplineTaps - 1 - k] = even[k] - odd[k];
  }
}

/// A row of pixels in the image: where its first lies, and each from the one before.
struct RowPositions {
  double x, y, step_x, step_y;
};

/// Less as many periods as bring it nearest to 0; beyond 2^31 periods it is out of bounds.
inline double nearest_to_zero(double position, double period) {
  const double periods = position / period;
  const auto whole = static_cast<std::int32_t>(periods + (periods < 0 ? -0.5 : 0.5));
  return position - period * whole;
}

/// Where the taps of each pixel of a row start among the coefficients, and fractions along x and y.
///
/// A row is at most half a period (twice from first to last pixel) long. So, begun nearest to 0, it
/// stays within a period of it on either side, where two absolute values reflect it into the box.
void lay_out_row(const SplineMoveTask& task, const RowPositions& row) {
  const int n = task.box, stride = n + kSplineMargins;
  const double last = n - 1;
  const double x = nearest_to_zero(row.x, 2 * last), y = nearest_to_zero(row.y, 2 * last);
  const double step_x = row.step_x, step_y = row.step_y;
  std::int32_t* __restrict places = task.places;
  float* __restrict fractions_x = task.fractions_x;
  float* __restrict fractions_y = task.fractions_y;
  for (int i = 0; i < n; ++i) {
    const double in_x = last - __builtin_fabs(last - __builtin_fabs(x + step_x * i));
    const double in_y = last - __builtin_fabs(last - __builtin_fabs(y + step_y * i));
    const auto whole_x = static_cast<std::int32_t>(in_x);
    const auto whole_y = static_cast<std::int32_t>(in_y);
    places[i] = whole_x * stride + whole_y;
    fractions_x[i] = static_cast<float>(in_x - whole_x);
    fractions_y[i] = static_cast<float>(in_y - whole_y);
  }
}

/// Weights across the rows of taps, (row of vectors, tap, pixel): single ones are read from memory,
/// which is the cheapest way to have them in all lanes.
void lay_out_weights(const SplineMoveTask& task) {
  for (int i = 0; i < task.box; i += kPixels) {
    Pixels weights[kSplineTaps];
    tap_weights(task.fractions_x + i, weights);
    float* to = task.weights_x + i * kSplineTaps;
    for (int r = 0; r < kSplineTaps; ++r) store_pixels(to + r * kPixels, weights[r]);
  }
}

/// The sums of the rows of taps of one pixel.
inline Taps tap_sums(const float* taps, std::int64_t stride, const float* weights) {
  Taps sums = weighted(weights[0], taps);
  for (int r = 1; r < kSplineTaps; ++r) {
    sums = add_weighted(sums, weights[r * kPixels], taps + r * stride);
  }
  return sums;
}

/// The spline at the pixels from the i-th on: down the rows first, all taps of a row together.
inline __attribute__((always_inline)) Pixels spline_values(const SplineMoveTask& task, int i) {
  const std::int64_t stride = task.box + kSplineMargins;
  const float* weights = task.weights_x + i * kSplineTaps;
  const std::int32_t* places = task.places + i;
  Pixels first[kQuad], last[kQuad], down[kSplineTaps];
  for (int k = 0; k < kQuad; ++k) {
    const Taps near = tap_sums(task.coefficients + places[k], stride, weights + k);
    const int other = kPixels - kQuad + k;
    const Taps far = tap_sums(task.coefficients + places[other], stride, weights + other);
    first[k] = first_taps(near, far);
    last[k] = last_taps(near, far);
  }
  transpose_quads(first);
  transpose_quads(last);
  tap_weights(task.fractions_y + i, down);
  const Pixels inner = down[0] * first[0] + down[1] * first[1] + down[2] * first[2];
  return inner + down[3] * first[3] + down[4] * last[0] + down[5] * last[1];
}

void move_spline(const SplineMoveTask& task) {
  const int n = task.box;
  float* to = task.moved;
  for (int row = 0; row < n; ++row) {
    lay_out_row(task,
                {task.first_x + row * task.down_x,
                 task.first_y + row * task.down_y,
                 task.along_x,
                 task.along_y});
    lay_out_weights(task);
    for (int i = 0; i < n; i += kPixels) {
      const Pixels values = spline_values(task, i);
      if (i + kPixels <= n) {
        store_pixels(to + i, values);
      } else {
        for (int k = 0; k < n - i; ++k) to[i + k] = values[k];
      }
    }
    to += n;
  }
}

void add(const AddTask& task) {
  const float* __restrict values = task.values;
  double* __restrict sums = task.sums;
  for (int i = 0; i < task.n; ++i) sums[i] += static_cast<double>(values[i]);
}

}  // namespace
}  // namespace cl2d::kernels
