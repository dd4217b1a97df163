#include "cl2d/polar_sampling.hpp"

#include "engine_inputs.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <complex>
#include <stdexcept>
#include <vector>

using cl2d::ImageBlock;
using cl2d::kLanes;
using cl2d::PolarGrid;
using cl2d::PolarSampler;
using namespace cl2d::testing;

namespace {

/// The coefficients by definition: angular DFT of direct sums, weighted, scaled to norm 1.
std::vector<std::complex<double>> coefficients_by_definition(const PolarGrid& grid,
                                                             const Image& image,
                                                             const std::vector<double>& weights) {
  const cl2d::slow::Search search = slow_search(grid, weights, {});
  const cl2d::slow::Samples samples = cl2d::slow::polar_samples(image, grid.box_px(), search);
  std::vector<std::complex<double>> coefficients;
  double power = 0;
  for (int m = 0; m < grid.n_orders(); ++m) {
    for (int ring = grid.first_ring(m); ring < grid.n_rings(); ++ring) {
      std::complex<double> sum;
      for (int j = 0; j < grid.n_angles(); ++j) {
        sum += samples[static_cast<std::size_t>(ring)][static_cast<std::size_t>(j)] *
               std::polar(1.0, -cl2d::slow::kTwoPi * m * j / grid.n_angles());
      }
      sum *= std::sqrt(weights[static_cast<std::size_t>(ring)]) / grid.n_angles();
      coefficients.push_back(sum);
      power += (m == 0 ? 1 : 2) * std::norm(sum);
    }
  }
  for (std::complex<double>& value : coefficients) value /= std::sqrt(power);
  return coefficients;
}

double distance(const std::vector<std::complex<double>>& a,
                const std::vector<std::complex<double>>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += std::norm(a[i] - b[i]);
  return std::sqrt(sum);
}

}  // namespace

TEST_CASE("coefficients are those of direct sums") {
  // Noise fills the whole box and all frequencies: the hardest images there are.
  std::vector<GridSizes> all = kGrids;
  all.push_back({32, 1, 15, 14, 0});
  all.push_back({30, 4, 14, 10, 0});
  all.push_back({48, 1, 12, 20, 0});
  for (const GridSizes& sizes : all) {
    const PolarGrid grid = sizes.grid();
    CAPTURE(grid.box_px());
    const std::vector<double> weights = uneven_weights(grid);
    const std::vector<Image> images = noise_images(3, grid.box_px(), 1);
    at_every_simd_level([&] {
      const ImageBlock block = block_of(grid, images, weights);
      for (std::size_t i = 0; i < images.size(); ++i) {
        // The norm is 1. Aliases of the kernel, sqrt(sum_p C(u + p)^2) / C(u) with its transform C
        // at u = x / (2 box), are 1e-6 of a pixel at the origin and 7e-6 at the border.
        CHECK(distance(coefficients_of(block, static_cast<std::int64_t>(i)),
                       coefficients_by_definition(grid, images[i], weights)) < 1e-5);
      }
    });
  }
}

TEST_CASE("the gridding correction is symmetric about the origin and 1 / its value there") {
  for (const int box : {8, 32, 200}) {
    const std::vector<double> correction = cl2d::gridding_correction(box);
    REQUIRE(correction.size() == static_cast<std::size_t>(box));
    for (int i = 1; i < box; ++i) {
      const double mirrored = correction[static_cast<std::size_t>(box - i)];
      CHECK(correction[static_cast<std::size_t>(i)] == doctest::Approx(mirrored).epsilon(1e-12));
      CHECK(correction[static_cast<std::size_t>(i)] >=
            correction[static_cast<std::size_t>(box / 2)]);
    }
  }
}

TEST_CASE("every image has norm 1, and zero images stay zero") {
  const PolarGrid grid(16, 1, 6, 7.0);
  std::vector<Image> images = noise_images(18, 16, 2);
  for (double& pixel : images[3]) pixel = 0;
  for (double& pixel : images[17]) pixel *= 1e-12;
  const ImageBlock block = block_of(grid, images, uneven_weights(grid));
  for (std::int64_t i = 0; i < 18; ++i) {
    double power = 0;
    const std::vector<std::complex<double>> values = coefficients_of(block, i);
    for (std::size_t c = 0; c < values.size(); ++c) {
      power += (static_cast<int>(c) < grid.n_rings() ? 1 : 2) * std::norm(values[c]);
    }
    // Rounding the scale and each value to float: a few times 6e-8.
    CHECK(power == doctest::Approx(i == 3 ? 0.0 : 1.0).epsilon(1e-6));
  }
}

TEST_CASE("coefficients of order 0 are real") {
  const PolarGrid grid(16, 1, 6, 7.0);
  const ImageBlock block = block_of(grid, noise_images(2, 16, 3), uneven_weights(grid));
  for (int ring = 0; ring < grid.n_rings(); ++ring) {
    CHECK(coefficients_of(block, 1)[static_cast<std::size_t>(ring)].imag() == 0.0);
  }
}

TEST_CASE("a ring of weight 0 holds nothing") {
  const PolarGrid grid(16, 2, 6, 7.0);
  std::vector<double> weights = uneven_weights(grid);
  weights[2] = 0;
  const ImageBlock block = block_of(grid, noise_images(1, 16, 4), weights);
  const std::vector<std::complex<double>> values = coefficients_of(block, 0);
  std::size_t i = 0;
  for (int m = 0; m < grid.n_orders(); ++m) {
    for (int ring = grid.first_ring(m); ring < grid.n_rings(); ++ring, ++i) {
      CHECK((std::abs(values[i]) == 0) == (ring == 2));
    }
  }
}

TEST_CASE("bits depend neither on threads, nor on the parts, nor on the place in a tile") {
  const PolarGrid grid(16, 1, 6, 7.0);
  const std::vector<Image> images = noise_images(71, 16, 5);
  const std::vector<std::complex<float>> spectra = padded_spectra(images, 16);
  const std::size_t pixels = spectra.size() / images.size();
  const PolarSampler sampler(grid, uneven_weights(grid));
  ImageBlock whole(grid, 71);
  sampler.fill(whole, 0, spectra.data(), 71, 1);
  for (const int n_threads : {2, 3, 8}) {
    ImageBlock block(grid, 71);
    sampler.fill(block, 0, spectra.data(), 71, n_threads);
    CHECK(bits_of(block) == bits_of(whole));
  }
  ImageBlock in_parts(grid, 71);
  sampler.fill(in_parts, 32, spectra.data() + 32 * pixels, 39, 2);
  sampler.fill(in_parts, 0, spectra.data(), 32, 1);
  CHECK(bits_of(in_parts) == bits_of(whole));
  ImageBlock alone(grid, 1);
  sampler.fill(alone, 0, spectra.data() + 37 * pixels, 1, 1);
  CHECK(coefficients_of(alone, 0) == coefficients_of(whole, 37));
}

TEST_CASE("nothing but the images given is written") {
  const PolarGrid grid(16, 1, 6, 7.0);
  const std::vector<Image> images = noise_images(20, 16, 6);
  const std::vector<std::complex<float>> spectra = padded_spectra(images, 16);
  ImageBlock block(grid, 64);
  PolarSampler(grid, uneven_weights(grid)).fill(block, 16, spectra.data(), 20, 1);
  for (const std::int64_t tile : {0, 3}) {
    for (const float value : tile_of(block, tile)) REQUIRE(value == 0.0F);
  }
  CHECK(std::abs(coefficients_of(block, 35)[0]) > 0);
}

TEST_CASE("sizes that do not fit are refused with both numbers") {
  const PolarGrid grid(16, 1, 6, 7.0);
  const std::vector<double> weights = uneven_weights(grid);
  CHECK_THROWS_WITH_AS(PolarSampler(PolarGrid(15, 1, 6, 7.0), weights),
                       "the working box must be even, not 15",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(PolarSampler(grid, {1, 2, 3}),
                       "ring_weights must have one value for each of the 6 rings, not 3",
                       std::invalid_argument);
  for (const double bad : {-1.0, std::nan("")}) {
    CHECK_THROWS_WITH_AS(PolarSampler(grid, {1, 1, bad, 1, 1, 1}),
                         doctest::Contains("ring_weights must not be negative"),
                         std::invalid_argument);
  }
  const PolarSampler sampler(grid, weights);
  const std::vector<std::complex<float>> spectra = padded_spectra(noise_images(17, 16, 7), 16);
  ImageBlock block(grid, 20);
  const auto refused = [&](std::int64_t first, std::int64_t n, const char* message) {
    CHECK_THROWS_WITH_AS(sampler.fill(block, first, spectra.data(), n, 1),
                         doctest::Contains(message),
                         std::invalid_argument);
  };
  refused(8, 3, "block of 20, not be 3 from 8 on");
  refused(16, 5, "block of 20, not be 5 from 16 on");
  refused(-16, 5, "block of 20, not be 5 from -16 on");
  refused(0, -1, "block of 20, not be -1 from 0 on");
  for (const int n_threads : {0, -2}) {
    CHECK_THROWS_WITH_AS(sampler.fill(block, 0, spectra.data(), 17, n_threads),
                         doctest::Contains("n_threads must be at least 1, not"),
                         std::invalid_argument);
  }
}

TEST_CASE("a block of another grid is refused before it is written to") {
  const PolarGrid grid(16, 1, 6, 7.0);
  const std::vector<std::complex<float>> spectra = padded_spectra(noise_images(3, 16, 8), 16);
  ImageBlock smaller(PolarGrid(16, 1, 3, 4.0), 3);
  CHECK_THROWS_WITH_AS(
      PolarSampler(grid, uneven_weights(grid)).fill(smaller, 0, spectra.data(), 3, 1),
      doctest::Contains("the block must have the grid of the sampler, with "),
      std::invalid_argument);
}
