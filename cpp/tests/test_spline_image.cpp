#include "cl2d/simd.hpp"

#include "spline_image.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

namespace {

using cl2d::spline::Pose;

// The centred quintic B-spline, by truncated powers.
double quintic(double x) {
  const double binomials[] = {1, 6, 15, 20, 15, 6, 1};
  double sum = 0.0;
  for (int k = 0; k <= 6; ++k) {
    const double along = x + 3.0 - k;
    if (along > 0) sum += (k % 2 == 0 ? 1 : -1) * binomials[k] * std::pow(along, 5);
  }
  return sum / 120.0;
}

// Among n samples, which are reflected about the first and the last.
std::size_t reflected(long k, long n) {
  const long folded = std::labs(k) % (2 * (n - 1));
  return static_cast<std::size_t>(folded < n ? folded : 2 * (n - 1) - folded);
}

// Weight of each of n coefficients in the spline at x.
std::vector<double> weights_at(double x, std::size_t n) {
  std::vector<double> weights(n);
  const long nearest = std::lround(x);
  for (long k = nearest - 3; k <= nearest + 3; ++k) {
    weights[reflected(k, static_cast<long>(n))] += quintic(x - static_cast<double>(k));
  }
  return weights;
}

// Coefficients whose spline passes through the n samples that lie `stride` apart: its equations
// solved by elimination, whose pivots stay far from 0.
void solve(double* samples, std::size_t stride, std::size_t n) {
  std::vector<std::vector<double>> rows;
  for (std::size_t i = 0; i < n; ++i) rows.push_back(weights_at(static_cast<double>(i), n));
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = i + 1; j < n; ++j) {
      const double factor = rows[j][i] / rows[i][i];
      for (std::size_t k = i; k < n; ++k) rows[j][k] -= factor * rows[i][k];
      samples[j * stride] -= factor * samples[i * stride];
    }
  }
  for (std::size_t i = n; i-- > 0;) {
    for (std::size_t k = i + 1; k < n; ++k) samples[i * stride] -= rows[i][k] * samples[k * stride];
    samples[i * stride] /= rows[i][i];
  }
}

std::vector<double> slow_coefficients(const std::vector<float>& image, std::size_t box) {
  std::vector<double> values(image.begin(), image.end());
  for (std::size_t i = 0; i < box; ++i) solve(&values[i * box], 1, box);
  for (std::size_t i = 0; i < box; ++i) solve(&values[i], box, box);
  return values;
}

// The spline at image position R^T F (p + t) of a pixel p.
double slow_value(const std::vector<double>& coefficients,
                  std::size_t box,
                  const Pose& pose,
                  std::size_t pixel) {
  const auto origin = static_cast<double>(box / 2);  // NOLINT(bugprone-integer-division)
  const double c = std::cos(pose.psi_rad), s = std::sin(pose.psi_rad);
  const double across = static_cast<double>(pixel % box) - origin + pose.shift_x_px;
  const double x = pose.is_mirrored ? -across : across;
  const double y = static_cast<double>(pixel / box) - origin + pose.shift_y_px;
  const std::vector<double> columns = weights_at(c * x + s * y + origin, box);
  const std::vector<double> rows = weights_at(-s * x + c * y + origin, box);
  double sum = 0.0;
  for (std::size_t i = 0; i < box * box; ++i) {
    sum += rows[i / box] * columns[i % box] * coefficients[i];
  }
  return sum;
}

std::vector<float> noise(std::size_t count) {
  std::mt19937 generator(7);
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float& value : values) value = normal(generator);
  return values;
}

constexpr Pose kPoses[] = {{0.0, 0.0, 0.0, false},
                           {0.7, 1.3, -2.1, false},
                           {-2.2, 0.4, 3.6, true},
                           {3.0, -20.0, 31.5, true},
                           {1.1, 1000.25, -2000.5, false}};

}  // namespace

TEST_CASE("every level gives the spline that elimination and truncated powers give") {
  const std::string before = cl2d::simd_level();
  for (const std::size_t box : {2U, 3U, 8U, 15U, 32U, 37U}) {
    const std::vector<float> image = noise(box * box);
    const std::vector<double> coefficients = slow_coefficients(image, box);
    for (const Pose& pose : kPoses) {
      std::vector<double> expected(box * box);
      for (std::size_t p = 0; p < box * box; ++p) {
        expected[p] = slow_value(coefficients, box, pose, p);
      }
      for (const std::string& level : cl2d::available_simd_levels()) {
        CAPTURE(box);
        CAPTURE(pose.psi_rad);
        CAPTURE(level);
        cl2d::set_simd_level(level);
        cl2d::spline::SplineImage spline(box);
        // Something else first: nothing of it may be left.
        spline.fit(std::vector<float>(box * box, 1e3F).data());
        std::vector<float> found(box * box);
        spline.fit(image.data());
        spline.resample(pose, found.data());
        double largest = 0.0;
        for (std::size_t p = 0; p < box * box; ++p) {
          largest = std::max(largest, std::abs(static_cast<double>(found[p]) - expected[p]));
        }
        // Float rounding of grey levels up to 4.
        CHECK(largest < 1e-5);
      }
    }
  }
  cl2d::set_simd_level(before);
}
