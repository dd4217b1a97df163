#include "cl2d/moved_images.hpp"

#include "search_inputs.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <vector>

using cl2d::ImageBlock;
using namespace cl2d::testing;

namespace {

std::vector<double> some_shifts(int n) {
  std::vector<double> shifts;
  for (int i = 0; i < n; ++i) {
    shifts.push_back(0.3 * (i % 7) - 1);
    shifts.push_back(0.8 - 0.25 * (i % 5));
  }
  return shifts;
}

}  // namespace

TEST_CASE("images that are not moved stay what they are") {
  at_every_simd_level([] {
    for (const GridSizes& sizes : kGrids) {
      CAPTURE(sizes.n_angles);
      const Inputs in(sizes, 33, 1, kCross);
      const std::vector<double> rest(2 * 33);
      const std::vector<float> before = bits_of(in.block);
      const std::vector<float> after =
          bits_of(cl2d::moved_images(in.block, {0, 3}, rest.data(), 1));
      REQUIRE(after.size() == before.size());
      for (std::size_t i = 0; i < after.size(); ++i)
        REQUIRE(std::abs(after[i] - before[i]) < 2e-7F);
    }
  });
}

TEST_CASE("a moved image scores at rest as the image does against a reference moved back") {
  // Up to the orders that the grid leaves out, of which an image confined to the mask has few.
  const GridSizes roomy{32, 1, 6, 15, 0};
  const Inputs in(roomy, 5, 5, {{0, 0}});
  const cl2d::PolarGrid grid = roomy.grid();
  std::vector<Image> images = in.images;
  for (Image& image : images) {
    for (int i = 0; i < 32 * 32; ++i) {
      const double r = std::hypot(i % 32 - 16, i / 32 - 16);
      image[static_cast<std::size_t>(i)] *= std::exp(-r * r / 18);
    }
  }
  const ImageBlock block = block_of(grid, images, in.weights);
  const Samples references = references_of(polar_of(images, 32, in.search), in.search);
  const std::vector<double> shifts = some_shifts(5);
  at_every_simd_level([&] {
    const ImageBlock moved = cl2d::moved_images(block, {0, 1}, shifts.data(), 1);
    const Found at_rest = searched(moved, {0, 1}, references, {{0, 0}});
    for (std::size_t image = 0; image < 5; ++image) {
      const std::size_t own = 5 * image + image;
      // In the frame of the reference the shift turns with the image and flips with its mirror.
      const auto turn = [&](std::int32_t code) {
        const double psi = cl2d::slow::kTwoPi * (code % grid.n_angles()) / grid.n_angles();
        const double sign = code / grid.n_angles() % 2 != 0 ? -1 : 1;
        const double x = shifts[2 * image], y = shifts[2 * image + 1];
        return std::array<double, 2>{-sign * (std::cos(psi) * x - std::sin(psi) * y),
                                     -(std::sin(psi) * x + std::cos(psi) * y)};
      };
      const Shifts back{turn(at_rest.codes[own])};
      const Found there = searched(block, {0, 1}, references, back);
      CHECK(there.scores[own] == doctest::Approx(at_rest.scores[own]).epsilon(0.003));
      CHECK(there.codes[own] == at_rest.codes[own]);
    }
  });
}

TEST_CASE("moving some tiles gives the bits of moving all, on any number of threads") {
  const Inputs in(kSmall, 41, 1, kCross);
  const std::vector<double> shifts = some_shifts(41);
  at_every_simd_level([&] {
    const std::vector<float> all = bits_of(cl2d::moved_images(in.block, {0, 3}, shifts.data(), 1));
    CHECK(bits_of(cl2d::moved_images(in.block, {0, 3}, shifts.data(), 3)) == all);
    const std::vector<float> last =
        bits_of(cl2d::moved_images(in.block, {1, 2}, shifts.data() + 32, 1));
    CHECK(
        std::equal(last.begin(), last.end(), all.end() - static_cast<std::ptrdiff_t>(last.size())));
  });
}

TEST_CASE("tiles beyond the block are refused") {
  const Inputs in(kSmall, 17, 1, kCross);
  CHECK_THROWS_AS(cl2d::moved_images(in.block, {1, 2}, nullptr, 1), std::invalid_argument);
}
