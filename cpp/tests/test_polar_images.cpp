#include "cl2d/polar_images.hpp"

#include "engine_inputs.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstdint>
#include <stdexcept>
#include <vector>

using namespace cl2d::testing;

namespace {

cl2d::ImageBlock block_of(const cl2d::PolarGrid& grid, const Samples& samples, int n_threads = 1) {
  const cl2d::ReferenceView view = view_of(samples, grid);
  return cl2d::block_of_polar_images(grid, samples.data(), view.n, n_threads);
}

}  // namespace

TEST_CASE("samples of images give the block that the images give") {
  at_every_simd_level([] {
    for (const GridSizes& sizes : kGrids) {
      const cl2d::PolarGrid grid = sizes.grid();
      CAPTURE(sizes.n_angles);
      const std::vector<Image> images = noise_images(17, sizes.box, 5);
      const std::vector<double> weights = uneven_weights(grid);
      const cl2d::slow::Search search = slow_search(grid, weights, {});
      const Samples samples = references_of(polar_of(images, sizes.box, search), search);
      const std::vector<float> expected = bits_of(cl2d::testing::block_of(grid, images, weights));
      const std::vector<float> found = bits_of(block_of(grid, samples));
      REQUIRE(found.size() == expected.size());
      double largest = 0;
      for (std::size_t i = 0; i < found.size(); ++i) {
        largest = std::max(largest, static_cast<double>(std::abs(found[i] - expected[i])));
      }
      CHECK(largest < 2e-5);
      CHECK(bits_of(block_of(grid, samples, 2)) == found);
    }
  });
}

TEST_CASE("the scale of samples does not matter, and no samples give an image of zeros") {
  const cl2d::PolarGrid grid = kGrids[4].grid();
  const auto per_image = static_cast<std::size_t>(grid.n_rings() * grid.n_half_angles());
  Samples samples(2 * per_image);
  for (std::size_t i = 0; i < per_image; ++i) samples[i] = {1.0F + 0.01F * float(i % 7), 0.5F};
  Samples larger = samples;
  for (std::complex<float>& value : larger) value *= 8.0F;
  const cl2d::ImageBlock block = block_of(grid, samples);
  CHECK(bits_of(block_of(grid, larger)) == bits_of(block));
  for (const std::complex<double> value : coefficients_of(block, 1)) CHECK(value == 0.0);
}

TEST_CASE("no images and no threads are refused") {
  const cl2d::PolarGrid grid = kGrids[4].grid();
  const Samples samples(static_cast<std::size_t>(grid.n_rings() * grid.n_half_angles()));
  CHECK_THROWS_AS(cl2d::block_of_polar_images(grid, samples.data(), 0, 1), std::invalid_argument);
  CHECK_THROWS_AS(cl2d::block_of_polar_images(grid, samples.data(), 1, 0), std::invalid_argument);
}
