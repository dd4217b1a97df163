#include "cl2d/grey_values.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <random>
#include <stdexcept>
#include <vector>

namespace {

// The values of cl2d.preprocess.normalise.
const cl2d::GreyRules kRules{3.0, 3, 0.986578, 10.0, 12, 1e15, 1e24, 1e-6, 1e-30, 1e-36};

std::vector<float> noise(std::size_t count, float mean, float deviation) {
  std::mt19937 generator(5);
  std::normal_distribution<float> normal(mean, deviation);
  std::vector<float> values(count);
  for (float& value : values) value = normal(generator);
  return values;
}

struct Normalised {
  std::vector<float> images;
  std::vector<cl2d::GreyFlag> flags;
};

Normalised normalised(const std::vector<float>& images,
                      std::int64_t n_pixels,
                      const std::vector<std::int64_t>& background) {
  const std::vector<float> mask(static_cast<std::size_t>(n_pixels), 0.5F);
  const auto n_images = static_cast<std::int64_t>(images.size()) / n_pixels;
  Normalised found{std::vector<float>(images.size()),
                   std::vector<cl2d::GreyFlag>(static_cast<std::size_t>(n_images))};
  cl2d::normalise_images({images.data(), n_images, n_pixels},
                         {background, mask.data(), n_pixels},
                         kRules,
                         found.images.data(),
                         found.flags.data());
  return found;
}

std::vector<std::int64_t> first_pixels(std::int64_t n) {
  std::vector<std::int64_t> pixels;
  for (std::int64_t i = 0; i < n; ++i) pixels.push_back(i);
  return pixels;
}

}  // namespace

TEST_CASE("the background gets mean 0 and deviation 1, and the mask is applied") {
  const auto images = noise(1009, 200.0F, 4.0F);
  const Normalised found = normalised(images, 1009, first_pixels(701));
  double sum = 0, squares = 0;
  for (std::size_t i = 0; i < 701; ++i) {
    const double value = static_cast<double>(found.images[i]) / 0.5;
    sum += value, squares += value * value;
  }
  // Values beyond 3 sigma do not count: two of these.
  CHECK(std::abs(sum / 701) < 0.02);
  CHECK(std::abs(squares / 701 - 1) < 0.05);
  CHECK(found.flags[0] == cl2d::GreyFlag::Usable);
}

TEST_CASE("images that cannot be used are flagged and 0") {
  auto images = noise(4 * 50, 0.0F, 1.0F);
  images[3] = std::numeric_limits<float>::quiet_NaN();
  images[50 + 49] = -std::numeric_limits<float>::infinity();
  for (std::size_t i = 100; i < 150; ++i) images[i] = 7.0F;
  const Normalised found = normalised(images, 50, first_pixels(20));
  CHECK(found.flags[0] == cl2d::GreyFlag::NotFinite);
  CHECK(found.flags[1] == cl2d::GreyFlag::NotFinite);
  CHECK(found.flags[2] == cl2d::GreyFlag::Constant);
  CHECK(found.flags[3] == cl2d::GreyFlag::Usable);
  for (std::size_t i = 0; i < 150; ++i) REQUIRE(found.images[i] == 0.0F);
}

TEST_CASE("a hot pixel of the background changes nothing else") {
  auto images = noise(400, 10.0F, 2.0F);
  const Normalised before = normalised(images, 400, first_pixels(301));
  images[5] = 1e6F;
  const Normalised found = normalised(images, 400, first_pixels(301));
  for (std::size_t i = 0; i < 400; ++i) {
    // The value that was replaced is one of 300 of which mean and deviation are taken.
    if (i != 5) CHECK(std::abs(found.images[i] - before.images[i]) < 0.02F);
  }
  CHECK(std::abs(found.images[5]) < 300.0F);
}

TEST_CASE("patches have the mean and the variance of their pixels") {
  const auto images = noise(2 * 49, 1000.0F, 3.0F);
  const std::vector<std::int64_t> first{0, 2, 5};
  std::vector<double> means(18), variances(18);
  std::vector<std::uint8_t> usable(2);
  cl2d::patch_moments(
      {images.data(), 2, 49}, first, {means.data(), variances.data(), usable.data()});
  // The patch of rows 2 to 4 and columns 5 and 6 of the second image.
  double sum = 0, squares = 0;
  for (std::size_t y = 2; y < 5; ++y) {
    for (std::size_t x = 5; x < 7; ++x) {
      const double value = static_cast<double>(images[49 + 7 * y + x]);
      sum += value, squares += value * value;
    }
  }
  CHECK(means[9 + 5] == doctest::Approx(sum / 6).epsilon(1e-12));
  CHECK(variances[9 + 5] == doctest::Approx(squares / 6 - sum / 6 * (sum / 6)).epsilon(1e-7));
  CHECK(usable[0] == 1);
}

TEST_CASE("regions and patches that do not fit are refused") {
  const auto images = noise(16, 0.0F, 1.0F);
  const std::vector<float> mask(15, 1.0F);
  std::vector<float> out(16);
  cl2d::GreyFlag flag{};
  const cl2d::GreyImages stack{images.data(), 1, 16};
  CHECK_THROWS_AS(cl2d::normalise_images(stack, {{0}, mask.data(), 15}, kRules, out.data(), &flag),
                  std::invalid_argument);
  CHECK_THROWS_AS(normalised(images, 16, {16}), std::invalid_argument);
  CHECK_THROWS_AS(normalised(images, 16, {}), std::invalid_argument);
  CHECK_THROWS_AS(cl2d::patch_moments(stack, {0, 4}, {}), std::invalid_argument);
  CHECK_THROWS_AS(cl2d::patch_moments(stack, {}, {}), std::invalid_argument);
}
