#include "cl2d/correntropy.hpp"
#include "cl2d/simd.hpp"
#include "cl2d/spline_average.hpp"

#include "kernels/kernels.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

constexpr double kPi = 3.14159265358979323846;

/// Every level this machine can run, the one in use restored at the end.
template <typename Body>
void on_every_level(Body body) {
  const std::string before = cl2d::simd_level();
  for (const std::string& level : cl2d::available_simd_levels()) {
    CAPTURE(level);
    cl2d::set_simd_level(level);
    body();
  }
  cl2d::set_simd_level(before);
}

struct Case {
  std::int64_t n = 7, n_candidates = 3, n_classes = 4, box;
  double kernel_width = 1.3;
  std::vector<float> images, averages, weights;
  std::vector<std::int32_t> classes;
  std::vector<double> psi_rad, shift_xy;
  std::vector<std::uint8_t> mirror;

  explicit Case(std::int64_t side) : box(side) {
    std::mt19937 generator(static_cast<unsigned>(side));
    std::normal_distribution<float> grey;
    std::uniform_real_distribution<double> unit(-1.0, 1.0);
    const std::int64_t n_pixels = box * box;
    for (std::int64_t i = 0; i < n * n_pixels; ++i) images.push_back(grey(generator));
    for (std::int64_t i = 0; i < n_classes * n_pixels; ++i) averages.push_back(grey(generator));
    for (std::int64_t i = 0; i < n_pixels; ++i) {
      weights.push_back(static_cast<float>(0.5 + 0.5 * unit(generator)));
    }
    for (std::int64_t i = 0; i < n * n_candidates; ++i) {
      classes.push_back(static_cast<std::int32_t>(i * 5 % n_classes));
      psi_rad.push_back(kPi * unit(generator));
      shift_xy.push_back(3 * unit(generator));
      shift_xy.push_back(3 * unit(generator));
      mirror.push_back(i % 2 != 0);
    }
  }

  std::vector<float> scores(int n_threads) const {
    std::vector<float> out(static_cast<std::size_t>(n * n_candidates));
    cl2d::correntropy(
        {images.data(), n, box},
        {averages.data(), n_classes, weights.data(), kernel_width},
        {n_candidates, classes.data(), psi_rad.data(), shift_xy.data(), mirror.data()},
        out.data(),
        n_threads);
    return out;
  }

  /// One average at x' = F R x - t for every pixel x of the image: the value of the spline at a
  /// point is what accumulate_transformed puts on the origin pixel when the shift leads there.
  double average_at(std::size_t at, std::int64_t column, std::int64_t row) const {
    const double c = std::cos(psi_rad[at]), s = std::sin(psi_rad[at]);
    const double x = static_cast<double>(column - box / 2), y = static_cast<double>(row - box / 2);
    const double flip = mirror[at] != 0 ? -1.0 : 1.0;
    const double psi = 0, to_x = flip * (c * x - s * y) - shift_xy[2 * at];
    const double to_y = s * x + c * y - shift_xy[2 * at + 1];
    const std::uint8_t direct = 0;
    const std::int32_t only = 0;
    const auto side = static_cast<std::size_t>(box);
    std::vector<double> sum(side * side);
    cl2d::accumulate_transformed(
        {averages.data() + classes[at] * box * box, 1, side, side},
        {{&only, 1}, {&psi, 1}, {&to_x, 1}, {&to_y, 1}, {&direct, 1}, {&only, 1}, 1},
        {sum.data(), 1, side, side},
        1);
    return sum[(side / 2) * side + side / 2];
  }

  double slow_score(std::size_t at) const {
    const std::size_t image = at / static_cast<std::size_t>(n_candidates);
    double sum = 0, weight_sum = 0;
    for (std::int64_t row = 0; row < box; ++row) {
      for (std::int64_t column = 0; column < box; ++column) {
        const auto pixel = static_cast<std::size_t>(row * box + column);
        const double grey = images[image * static_cast<std::size_t>(box * box) + pixel];
        const double difference = average_at(at, column, row) - grey;
        sum +=
            weights[pixel] * std::exp(-difference * difference / (2 * kernel_width * kernel_width));
        weight_sum += weights[pixel];
      }
    }
    return sum / weight_sum;
  }
};

double kernel_value(float difference, float minus_rate) {
  const float image = difference, average = 0, weight = 1;
  return cl2d::kernels::active_table().correntropy({&image, &average, &weight, 1, minus_rate});
}

}  // namespace

TEST_CASE("correntropy is what its definition says, at any pose and any box") {
  for (const std::int64_t box : {2, 9, 16, 21}) {
    CAPTURE(box);
    const Case some(box);
    on_every_level([&] {
      const std::vector<float> scores = some.scores(1);
      for (std::size_t at = 0; at < scores.size(); ++at) {
        CHECK(scores[at] == doctest::Approx(some.slow_score(at)).epsilon(2e-6));
      }
    });
  }
}

TEST_CASE("the exponential is exact to 4e-7 times the exponent, and 0 where nothing is left") {
  on_every_level([] {
    double largest = 0;
    for (float x = 0; x < 9; x += 0.00137F) {
      const double exponent = static_cast<double>(x) * static_cast<double>(x);
      const double error = std::abs(kernel_value(x, -1) / std::exp(-exponent) - 1);
      largest = std::max(largest, error / std::max(1.0, exponent));
    }
    CHECK(largest < 4e-7);
    CHECK(kernel_value(0, -1) == 1);
    CHECK(kernel_value(1e15F, -1) < 1e-37);
  });
}

TEST_CASE("correntropy has the same bits for any number of threads") {
  const Case some(21);
  const std::vector<float> expected = some.scores(1);
  for (const int n_threads : {2, 3, 7, 40}) {
    CAPTURE(n_threads);
    CHECK(some.scores(n_threads) == expected);
  }
}

TEST_CASE("a pixel that is far off costs no more than one that is off") {
  Case some(16);
  some.images.assign(some.images.size(), 0);
  some.averages.assign(some.averages.size(), 0);
  some.images[5] = 6;
  const std::vector<float> off = some.scores(1);
  some.images[5] = 6e6F;
  const std::vector<float> far_off = some.scores(1);
  CHECK(off[0] < 1);
  CHECK(off[0] - far_off[0] < 1e-6F);
}

TEST_CASE("correntropy refuses what does not fit") {
  using Error = std::invalid_argument;
  Case some(4);
  some.classes[2] = 4;
  CHECK_THROWS_WITH_AS(
      some.scores(1), "class 4 of candidate 2 must be below the number of averages (4)", Error);
  some = Case(4);
  some.psi_rad[1] = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_AS(some.scores(1), Error);
  some = Case(4);
  some.weights.assign(some.weights.size(), 0);
  CHECK_THROWS_WITH_AS(some.scores(1), "the sum of weights must be above 0", Error);
  some = Case(4);
  some.kernel_width = 0;
  CHECK_THROWS_WITH_AS(some.scores(1), "kernel_width must be above 1e-18", Error);
  CHECK_THROWS_AS(Case(4).scores(0), Error);
}

TEST_CASE("no image at all has no correntropy") {
  Case none(4);
  none.n = 0;
  CHECK(none.scores(2).empty());
}
