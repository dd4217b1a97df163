// Products of the members of a class, one a row, with four vectors: the work of its components.
namespace cl2d::kernels {
namespace {

constexpr int kDirections = 4;

inline float sum_of_lanes(Vec v) {
  float sum = 0;
  for (int i = 0; i < kWidth; ++i) sum += v[i];
  return sum;
}

void project_members(const MembersView& members, const float* directions, float* out) {
  const std::int64_t d = members.dimension, whole = d - d % kWidth;
  for (std::int64_t row = 0; row < members.n; ++row) {
    const float* x = members.rows + row * d;
    Vec sums[kDirections];
    for (Vec& sum : sums) sum = Vec{};
    for (std::int64_t i = 0; i < whole; i += kWidth) {
      const Vec value = load(x + i);
      for (int c = 0; c < kDirections; ++c) sums[c] += value * load(directions + c * d + i);
    }
    for (int c = 0; c < kDirections; ++c) {
      float sum = sum_of_lanes(sums[c]);
      for (std::int64_t i = whole; i < d; ++i) sum += x[i] * directions[c * d + i];
      out[row * kDirections + c] = sum;
    }
  }
}

void combine_members(const MembersView& members, const float* weights, float* out) {
  constexpr int kDeep = 2;  // vectors of a row at a time: eight sums hide the latency of one
  const std::int64_t d = members.dimension;
  std::int64_t i = 0;
  for (; i + kDeep * kWidth <= d; i += kDeep * kWidth) {
    Vec sums[kDirections][kDeep];
    for (auto& column : sums) {
      for (Vec& sum : column) sum = Vec{};
    }
    for (std::int64_t row = 0; row < members.n; ++row) {
      for (int v = 0; v < kDeep; ++v) {
        const Vec value = load(members.rows + row * d + i + v * kWidth);
        for (int c = 0; c < kDirections; ++c) sums[c][v] += value * weights[row * kDirections + c];
      }
    }
    for (int c = 0; c < kDirections; ++c) {
      for (int v = 0; v < kDeep; ++v) store(out + c * d + i + v * kWidth, sums[c][v]);
    }
  }
  for (; i < d; ++i) {
    for (int c = 0; c < kDirections; ++c) {
      float sum = 0;
      for (std::int64_t row = 0; row < members.n; ++row) {
        sum += members.rows[row * d + i] * weights[row * kDirections + c];
      }
      out[c * d + i] = sum;
    }
  }
}

}  // namespace
}  // namespace cl2d::kernels
