// Weighted sum of Gaussians of differences, pixels in lanes.
namespace cl2d::kernels {
namespace {

/// exp(x) for x <= 0: 2^whole * 2^rest with |rest| <= 1/2, the latter by its Taylor series.
inline Vec exp_of_negative(Vec x) {
  constexpr float kLog2E = 1.44269504088896340736F, kLowest = -126.0F;
  constexpr float kLn2 = 0.69314718055994530942F;
  constexpr float kRound = 12582912.0F;  // 1.5 * 2^23: adding it rounds to a whole number
  Vec bits = x * kLog2E;
  bits = bits > kLowest ? bits : Vec{} + kLowest;
  const Vec shifted = bits + kRound;
  const Vec y = (bits - (shifted - kRound)) * kLn2;
  Vec series = Vec{} + 1.0F / 720.0F;
  series = series * y + 1.0F / 120.0F;
  series = series * y + 1.0F / 24.0F;
  series = series * y + 1.0F / 6.0F;
  series = series * y + 0.5F;
  series = series * y + 1.0F;
  series = series * y + 1.0F;
  // The whole number stands in the low bits of `shifted`; in the exponent it is a power of two.
  const IntVec power = ((IntVec)shifted - (IntVec)(Vec{} + kRound)) << 23;
  return (Vec)((IntVec)series + power);
}

inline Vec kernel_values(const float* a, const float* b, const float* weights, float minus_rate) {
  const Vec difference = load(a) - load(b);
  return load(weights) * exp_of_negative(difference * difference * minus_rate);
}

/// Lanes are added up in double precision after this many tiles of pixels.
constexpr int kTilesInRun = 32;

/// Weighted kernels of a tile of pixels, added to sixteen sums whatever the width of a vector.
inline void add_kernel_values(
    const float* image, const float* average, const float* weights, float minus_rate, Vec* sums) {
  for (int part = 0; part < kParts; ++part) {
    const int at = part * kWidth;
    sums[part] += kernel_values(image + at, average + at, weights + at, minus_rate);
  }
}

inline double total(const Vec* sums) {
  float values[kTile];
  for (int part = 0; part < kParts; ++part) store(values + part * kWidth, sums[part]);
  double sum = 0.0;
  for (float value : values) sum += static_cast<double>(value);
  return sum;
}

double correntropy(const CorrentropyTask& task) {
  const int n_whole = task.n_pixels / kTile * kTile;
  double sum = 0.0;
  for (int run = 0; run < n_whole; run += kTilesInRun * kTile) {
    const int left = n_whole - run, most = kTilesInRun * kTile;
    const int stop = run + (left < most ? left : most);
    Vec sums[kParts] = {};
    for (int i = run; i < stop; i += kTile) {
      add_kernel_values(task.image + i, task.average + i, task.weights + i, task.minus_rate, sums);
    }
    sum += total(sums);
  }
  float image[kTile] = {}, average[kTile] = {}, weights[kTile] = {};
  for (int i = n_whole; i < task.n_pixels; ++i) {
    image[i - n_whole] = task.image[i];
    average[i - n_whole] = task.average[i];
    weights[i - n_whole] = task.weights[i];
  }
  Vec rest[kParts] = {};
  add_kernel_values(image, average, weights, task.minus_rate, rest);
  return sum + total(rest);
}

}  // namespace
}  // namespace cl2d::kernels
