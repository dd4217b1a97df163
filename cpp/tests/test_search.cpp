#include "search_inputs.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

using cl2d::ImageBlock;
using cl2d::PolarGrid;
using namespace cl2d::testing;

TEST_CASE("the search finds the pose of the slow exhaustive version, and its score") {
  int clear = 0, all = 0;
  for (const GridSizes& sizes : kGrids) {
    const Inputs in(sizes, 19, 3, kCross);
    CAPTURE(sizes.n_angles);
    for (const int image : {0, 15, 18}) {
      for (int reference = 0; reference < 3; ++reference) {
        const std::vector<double> slow = in.slow_scores(image, reference);
        for (const bool with_mirrors : {true, false}) {
          std::vector<double> allowed = slow;
          for (std::size_t code = 0; code < allowed.size(); ++code) {
            const bool mirrored = code / static_cast<std::size_t>(sizes.n_angles) % 2 != 0;
            if (mirrored && !with_mirrors) allowed[code] = -2;
          }
          const auto best = static_cast<std::size_t>(
              std::max_element(allowed.begin(), allowed.end()) - allowed.begin());
          const double score = allowed[best];
          allowed[best] = -2;
          const double second = *std::max_element(allowed.begin(), allowed.end());
          at_every_simd_level([&] {
            const Found found =
                searched(in.block, {image / 16, 1}, in.references, kCross, {with_mirrors, 1});
            const auto at = static_cast<std::size_t>(image % 16 * 3 + reference);
            CHECK(std::abs(found.scores[at] - score) < kScoreTolerance);
            const auto code = static_cast<std::size_t>(found.codes[at]);
            REQUIRE(code < slow.size());
            CHECK(std::abs(slow[code] - score) < kScoreTolerance);
            ++all;
            if (score - second < 2 * kScoreTolerance) return;
            ++clear;
            CHECK(code == best);
          });
        }
      }
    }
  }
  CHECK(clear > 0.95 * all);  // else few codes were compared
}

TEST_CASE("one image, one reference and one shift are enough") {
  const Inputs in(kSmall, 1, 1, {{1, -1}});
  const std::vector<double> slow = in.slow_scores(0, 0);
  at_every_simd_level([&] {
    const Found found = searched(in.block, in.references, in.shifts);
    CHECK(std::abs(found.scores[0] - *std::max_element(slow.begin(), slow.end())) <
          kScoreTolerance);
  });
}

TEST_CASE("bits do not depend on the number of threads") {
  const Inputs in(kSmall, 100, 5, kCross);
  at_every_simd_level([&] {
    const Found one = searched(in.block, {0, 7}, in.references, kCross, {true, 1});
    for (const int n_threads : {2, 3, 9}) {
      CHECK(searched(in.block, {0, 7}, in.references, kCross, {true, n_threads}) == one);
    }
  });
}

TEST_CASE("an image's bits depend neither on the other tiles, lanes nor references") {
  const Inputs in(kSmall, 40, 4, kCross);
  const Found whole = searched(in.block, in.references, kCross);
  const Found last = searched(in.block, {2, 1}, in.references, kCross);
  CHECK(std::equal(last.scores.begin(), last.scores.end(), whole.scores.begin() + 2 * 16 * 4));
  CHECK(std::equal(last.codes.begin(), last.codes.end(), whole.codes.begin() + 2 * 16 * 4));
  const Found alone = searched(in.block.select({23}), in.references, kCross);
  CHECK(std::equal(alone.scores.begin(), alone.scores.begin() + 4, whole.scores.begin() + 23 * 4));
  const auto size = static_cast<std::ptrdiff_t>(in.references.size() / 4);
  const Samples third(in.references.begin() + 2 * size, in.references.begin() + 3 * size);
  CHECK(searched(in.block, third, kCross).scores[23] == whole.scores[23 * 4 + 2]);
}

TEST_CASE("levels of kernels agree") {
  const Inputs in(kSmall, 33, 6, kCross);
  const Found first = searched(in.block, in.references, kCross);
  at_every_simd_level([&] {
    const Found found = searched(in.block, in.references, kCross);
    for (std::size_t i = 0; i < found.scores.size(); ++i) {
      // The same sums with and without fused multiply-add: a few roundings of 6e-8.
      REQUIRE(std::abs(found.scores[i] - first.scores[i]) < 1e-6F);
    }
  });
}

TEST_CASE("more references than fit in the cache give what each gives alone") {
  const PolarGrid grid(32, 1, 12, 14.0);
  const std::vector<double> weights = uneven_weights(grid);
  Shifts shifts;
  for (int i = 0; i < 60; ++i) shifts.push_back({0.1 * i - 3, 0.07 * i - 2});
  const cl2d::slow::Search search = slow_search(grid, weights, shifts);
  const Samples two = references_of(polar_of(noise_images(2, 32, 21), 32, search), search);
  // More than the 8 MiB of one group, and no multiple of it.
  const std::int64_t bytes = static_cast<std::int64_t>(shifts.size()) * grid.n_coefficients() * 8;
  const int n_references = static_cast<int>(2 * (std::int64_t{8} << 20) / bytes) + 3;
  Samples references;
  for (int r = 0; r < n_references; ++r) {
    // Mixtures, so that each reference is another one.
    const auto share = static_cast<float>(r) / static_cast<float>(n_references);
    for (std::size_t i = 0; i < two.size() / 2; ++i) {
      references.push_back((1 - share) * two[i] + share * two[i + two.size() / 2]);
    }
  }
  const ImageBlock block = block_of(grid, noise_images(2, 32, 22), weights);
  const Found all = searched(block, {0, 1}, references, shifts, {true, 2});
  for (const int r :
       {0, 1, n_references / 2 - 1, n_references / 2, n_references - 2, n_references - 1}) {
    const auto size = static_cast<std::ptrdiff_t>(two.size() / 2);
    const Samples alone(references.begin() + r * size, references.begin() + (r + 1) * size);
    const Found found = searched(block, alone, shifts);
    for (std::size_t image = 0; image < 2; ++image) {
      const std::size_t at =
          image * static_cast<std::size_t>(n_references) + static_cast<std::size_t>(r);
      CHECK(found.scores[image] == all.scores[at]);
      CHECK(found.codes[image] == all.codes[at]);
    }
  }
}

TEST_CASE("more shifts than fit in the cache give what the shifts give in parts") {
  const PolarGrid grid(8, 1, 3, 7.0);
  Shifts shifts;
  const std::int64_t in_cache = (std::int64_t{8} << 20) / (8 * grid.n_coefficients());
  for (std::int64_t i = 0; i < in_cache + 5; ++i) {
    shifts.push_back({0.0001 * static_cast<double>(i), 0.5 * std::sin(static_cast<double>(i))});
  }
  const cl2d::slow::Search search = slow_search(grid, uneven_weights(grid), {});
  const Samples references = references_of(polar_of(noise_images(2, 8, 23), 8, search), search);
  const ImageBlock block = block_of(grid, noise_images(1, 8, 24), uneven_weights(grid));
  const Found all = searched(block, references, shifts);
  const auto middle = static_cast<std::int32_t>(shifts.size() / 2);
  const Found low = searched(block, references, {shifts.begin(), shifts.begin() + middle});
  const Found high = searched(block, references, {shifts.begin() + middle, shifts.end()});
  for (std::size_t r = 0; r < 2; ++r) {
    const bool is_low = low.scores[r] >= high.scores[r];
    CHECK(all.scores[r] == std::max(low.scores[r], high.scores[r]));
    CHECK(all.codes[r] == (is_low ? low.codes[r] : high.codes[r] + middle * 2 * grid.n_angles()));
  }
}

TEST_CASE("no score exceeds 1, and an image scores 1 against itself at rest") {
  const PolarGrid grid = kSmall.grid();
  const std::vector<double> weights = uneven_weights(grid);
  cl2d::slow::Search search = slow_search(grid, weights, kCross);
  const std::vector<Image> images = noise_images(16, 16, 31);
  std::vector<cl2d::slow::Samples> polar = polar_of(images, 16, search);
  // With the orders that images lack, a reference would have norm to which no image can correlate.
  for (cl2d::slow::Samples& samples : polar)
    cl2d::slow::limit_angular_orders(samples, search.m_max);
  const Found found =
      searched(block_of(grid, images, weights), references_of(polar, search), kCross);
  for (std::size_t i = 0; i < 16; ++i) {
    CHECK(found.codes[i * 16 + i] == 0);
    CHECK(found.scores[i * 16 + i] == doctest::Approx(1).epsilon(kScoreTolerance));
    for (std::size_t r = 0; r < 16; ++r) CHECK(found.scores[i * 16 + r] < 1 + kScoreTolerance);
  }
}
