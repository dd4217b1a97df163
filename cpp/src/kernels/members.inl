// Products of the members of a class, one a row, with four vectors: the work of its components.
namespace cl2d::kernels {
namespace {

constexpr int kDirections = 4;

/// Sixteen partial sums whatever the width of a vector, so that all widths give the same sum.
inline float sum_of_lanes(const Vec* parts) {
  float sum = 0;
  for (int part = 0; part < kParts; ++part) {
    for (int i = 0; i < kWidth; ++i) sum += parts[part][i];
  }
  return sum;
}

void project_members(const MembersView& members, const float* directions, float* out) {
  const std::int64_t d = members.dimension, whole = d - d % kTile;
  for (std::int64_t row = 0; row < members.n; ++row) {
    const float* x = members.rows + row * d;
    Vec sums[kDirections][kParts];
    for (auto& parts : sums) {
      for (Vec& sum : parts) sum = Vec{};
    }
    for (std::int64_t i = 0; i < whole; i += kTile) {
      for (int part = 0; part < kParts; ++part) {
        const std::int64_t at = i + part * kWidth;
        const Vec value = load(x + at);
        for (int c = 0; c < kDirections; ++c)
          sums[c][part] += value * load(directions + c * d + at);
      }
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
