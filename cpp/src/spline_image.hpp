// The quintic B-spline through one image, and its values at rotated, mirrored and shifted pixels.
#pragma once

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace cl2d::spline {

// Four floats in step: a vector of the compiler, which every x86-64 and arm64 holds in a register.
using Quad = float __attribute__((vector_size(16)));
inline constexpr std::size_t kQuad = 4;

// Six taps, held as two quads: the last two weights are zero.
struct Taps {
  Quad low;
  Quad high;
};
inline constexpr std::size_t kTaps = 6;
// Coefficients outside the box that the two quads can touch: before it, and in all.
inline constexpr std::size_t kMarginBefore = 2;
inline constexpr std::size_t kMargins = 2 * kQuad - 1;

// 120 beta5(f - (tap - 2)) as polynomials in the fraction f: row = power, column = tap.
// The prefilter leaves out its gain of 120 for each axis, which cancels the factor here.
inline constexpr Taps kTapPolynomials[] = {
    {{1, 26, 66, 26}, {1, 0, 0, 0}},
    {{-5, -50, 0, 50}, {5, 0, 0, 0}},
    {{10, 20, -60, 20}, {10, 0, 0, 0}},
    {{-10, 20, 0, -20}, {10, 0, 0, 0}},
    {{5, -20, 30, -20}, {5, 0, 0, 0}},
    {{-1, 5, -10, 10}, {-5, 1, 0, 0}},
};

// Roots inside the unit circle of z^4 + 26 z^3 + 66 z^2 + 26 z + 1, and the number of terms after
// which |z|^k < 1e-9, beyond float rounding.
struct Pole {
  float z;
  std::size_t horizon;
};
inline constexpr Pole kPoles[] = {{-0.43057534709997379F, 25}, {-0.043096288203264653F, 7}};

// Where index k of the endless signal lies among its n samples (n >= 2), the signal being
// reflected about the first and the last of them.
inline std::size_t reflected(std::ptrdiff_t k, std::size_t n) {
  assert(n >= 2);
  const std::size_t period = 2 * (n - 1);
  const std::size_t folded = static_cast<std::size_t>(std::abs(k)) % period;
  return std::min(folded, period - folded);
}

// Rows of `width` numbers, `stride` apart.
struct Rows {
  float* values;
  std::size_t n;
  std::size_t width;
  std::size_t stride;

  float* operator[](std::size_t row) const { return values + row * stride; }
};

// One pole of the prefilter down the columns. All columns go in step: the recursion runs over the
// rows, so that the loops along a row are free of dependences. `start` holds one row.
inline void apply_pole(const Pole& pole, const Rows& rows, float* start) {
  const float z = pole.z;
  std::fill_n(start, rows.width, 0.0F);
  for (std::size_t k = pole.horizon + 1; k-- > 0;) {
    const float* row = rows[reflected(static_cast<std::ptrdiff_t>(k), rows.n)];
    for (std::size_t j = 0; j < rows.width; ++j) start[j] = row[j] + z * start[j];
  }
  std::copy_n(start, rows.width, rows[0]);
  for (std::size_t i = 1; i < rows.n; ++i) {
    const float* before = rows[i - 1];
    float* row = rows[i];
    for (std::size_t j = 0; j < rows.width; ++j) row[j] += z * before[j];
  }
  const float end_factor = z / (z * z - 1.0F);
  const float* before = rows[rows.n - 2];
  float* last = rows[rows.n - 1];
  for (std::size_t j = 0; j < rows.width; ++j) last[j] = end_factor * (last[j] + z * before[j]);
  for (std::size_t i = rows.n - 1; i-- > 0;) {
    const float* after = rows[i + 1];
    float* row = rows[i];
    for (std::size_t j = 0; j < rows.width; ++j) row[j] = z * (after[j] - row[j]);
  }
}

inline void transpose(const float* from, std::size_t from_stride, const Rows& to) {
  for (std::size_t i = 0; i < to.n; ++i) {
    float* row = to[i];
    for (std::size_t j = 0; j < to.width; ++j) row[j] = from[j * from_stride + i];
  }
}

// The weights of the taps floor(position) - 2 .. floor(position) + 3, by Horner's rule.
inline Taps tap_weights(float fraction) {
  Taps weights = kTapPolynomials[5];
  for (int power = 4; power >= 0; --power) {
    weights.low = kTapPolynomials[power].low + fraction * weights.low;
    weights.high = kTapPolynomials[power].high + fraction * weights.high;
  }
  return weights;
}

inline Quad load_quad(const float* from) {
  Quad quad;
  std::memcpy(&quad, from, sizeof(quad));
  return quad;
}

struct Pose {
  double psi_rad;
  double shift_x_px;
  double shift_y_px;
  bool is_mirrored;
};

// Floor and fraction of the positions of one row of pixels, along one axis of the image.
struct Positions {
  std::vector<std::int32_t> floor;
  std::vector<float> fraction;

  explicit Positions(std::size_t box) : floor(box), fraction(box) {}

  // start + i * step, reflected into the box. Counts are 32-bit integers, the only ones that plain
  // x86-64 converts to double by the vector.
  void lay_out(double start, double step) {
    const auto n = static_cast<std::int32_t>(floor.size());
    const double period = 2.0 * (n - 1);
    // Two periods on, the whole row lies above 0, where truncation is the floor.
    const double shifted = std::fmod(start, period) + 2.0 * period;
    for (std::int32_t i = 0; i < n; ++i) {
      const double along = shifted + step * i;
      const double rest = along - period * static_cast<std::int32_t>(along / period);
      const double inside = std::min(rest, period - rest);
      const auto whole = static_cast<std::int32_t>(inside);
      floor[static_cast<std::size_t>(i)] = whole;
      fraction[static_cast<std::size_t>(i)] = static_cast<float>(inside - whole);
    }
  }
};

// The spline through one image at a time, with all the scratch a thread needs for it.
class SplineImage {
 public:
  explicit SplineImage(std::size_t box)
      : box_(box),
        stride_(box + kMargins),
        padded_(stride_ * stride_),
        columns_(box * box),
        start_(box),
        x_(box),
        y_(box) {}

  void fit(const float* pixels) noexcept {
    const Rows columns{columns_.data(), box_, box_, box_};
    const Rows rows{&padded_[kMarginBefore * stride_ + kMarginBefore], box_, box_, stride_};
    transpose(pixels, box_, columns);
    for (const Pole& pole : kPoles) apply_pole(pole, columns, start_.data());
    transpose(columns_.data(), box_, rows);
    for (const Pole& pole : kPoles) apply_pole(pole, rows, start_.data());
    reflect_into_margins();
  }

  // out(p) = image(R^T F (p + t)) for every pixel p.
  void resample(const Pose& pose, float* out) noexcept {
    const double cosine = std::cos(pose.psi_rad);
    const double sine = std::sin(pose.psi_rad);
    const double flip = pose.is_mirrored ? -1.0 : 1.0;
    const std::size_t origin_pixel = box_ / 2;
    const auto origin = static_cast<double>(origin_pixel);
    const double across = flip * (pose.shift_x_px - origin);
    for (std::size_t i = 0; i < box_; ++i) {
      const double down = static_cast<double>(i) - origin + pose.shift_y_px;
      x_.lay_out(origin + cosine * across + sine * down, flip * cosine);
      y_.lay_out(origin - sine * across + cosine * down, -flip * sine);
      float* row = out + i * box_;
      for (std::size_t j = 0; j < box_; ++j) row[j] = value_at(j);
    }
  }

 private:
  // Fill the margins of each row of the box, then whole rows above and below it.
  void reflect_into_margins() noexcept {
    for (std::size_t i = 0; i < box_; ++i) {
      float* row = &padded_[(i + kMarginBefore) * stride_];
      for (std::size_t k = 0; k < kMargins; ++k) row[margin(k)] = row[mirror_of_margin(k)];
    }
    for (std::size_t k = 0; k < kMargins; ++k) {
      std::copy_n(&padded_[mirror_of_margin(k) * stride_], stride_, &padded_[margin(k) * stride_]);
    }
  }

  // Place of the k-th coefficient outside the box along a padded axis, and of its mirror image.
  std::size_t margin(std::size_t k) const noexcept { return k < kMarginBefore ? k : k + box_; }
  std::size_t mirror_of_margin(std::size_t k) const noexcept {
    const auto place = static_cast<std::ptrdiff_t>(margin(k));
    return kMarginBefore + reflected(place - static_cast<std::ptrdiff_t>(kMarginBefore), box_);
  }

  // The spline at the j-th of the laid-out positions: down the rows first, in whole quads.
  float value_at(std::size_t j) const noexcept {
    const Taps across = tap_weights(x_.fraction[j]);
    const Taps down = tap_weights(y_.fraction[j]);
    const float* taps = padded_.data() + static_cast<std::size_t>(y_.floor[j]) * stride_ +
                        static_cast<std::size_t>(x_.floor[j]);
    Taps sums{};
    for (std::size_t r = 0; r < kTaps; ++r) {
      const float weight = r < kQuad ? down.low[r] : down.high[r - kQuad];
      sums.low += weight * load_quad(taps + r * stride_);
      sums.high += weight * load_quad(taps + r * stride_ + kQuad);
    }
    const Quad total = across.low * sums.low + across.high * sums.high;
    return (total[0] + total[2]) + (total[1] + total[3]);
  }

  std::size_t box_;
  std::size_t stride_;
  std::vector<float> padded_;   // coefficients with margins, (stride, stride)
  std::vector<float> columns_;  // transposed image, (box, box)
  std::vector<float> start_;    // one row
  Positions x_;
  Positions y_;
};

}  // namespace cl2d::spline
