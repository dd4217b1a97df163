#include "cl2d/chosen_search.hpp"

#include "search_inputs.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <stdexcept>
#include <vector>

using cl2d::ImageBlock;
using cl2d::TileRange;
using namespace cl2d::testing;

namespace {

using Numbers = std::vector<std::int32_t>;

Found found_of_chosen(const ImageBlock& block,
                      const TileRange& tiles,
                      const Inputs& in,
                      const Numbers& numbers,
                      std::int64_t n_each,
                      int n_threads = 1) {
  Found found{std::vector<float>(numbers.size()), std::vector<std::int32_t>(numbers.size())};
  cl2d::search_chosen(block,
                      tiles,
                      view_of(in.references, in.grid),
                      view_of(in.shifts),
                      {true, n_threads},
                      {numbers.data(), n_each},
                      found.scores.data(),
                      found.codes.data());
  return found;
}

/// Some different references for each image, and here and there none.
Numbers random_choice(std::int64_t n_images, std::int64_t n_each, int n_references) {
  std::mt19937 generator(7);
  Numbers order, numbers;
  for (int r = 0; r < n_references; ++r) order.push_back(r);
  for (std::int64_t image = 0; image < n_images; ++image) {
    std::shuffle(order.begin(), order.end(), generator);
    for (std::int64_t slot = 0; slot < n_each; ++slot) {
      const bool none = generator() % 5 == 0;
      numbers.push_back(none ? -1 : order[static_cast<std::size_t>(slot)]);
    }
  }
  return numbers;
}

}  // namespace

TEST_CASE("chosen references get the bits of the exhaustive search") {
  for (const GridSizes& sizes : {kSmall, kGrids[5], kGrids[9]}) {
    const Inputs in(sizes, 70, 6, kCross);
    const TileRange tiles{1, 4};
    const Numbers numbers = random_choice(64, 3, 6);
    at_every_simd_level([&] {
      const Found all = searched(in.block, tiles, in.references, kCross);
      const Found found = found_of_chosen(in.block, tiles, in, numbers, 3);
      for (std::size_t cell = 0; cell < numbers.size(); ++cell) {
        if (numbers[cell] < 0) {
          CHECK(found.scores[cell] == -1.0F);
          CHECK(found.codes[cell] == 0);
          continue;
        }
        const std::size_t at = cell / 3 * 6 + static_cast<std::size_t>(numbers[cell]);
        CHECK(found.scores[cell] == all.scores[at]);
        CHECK(found.codes[cell] == all.codes[at]);
      }
      for (const int n_threads : {2, 5}) {
        CHECK(found_of_chosen(in.block, tiles, in, numbers, 3, n_threads) == found);
      }
    });
  }
}

TEST_CASE("one image, one reference and one shift can be chosen, and no image at all") {
  const Inputs in(kSmall, 1, 1, {{1, -1}});
  Numbers numbers(16, -1);
  numbers[0] = 0;
  const Found all = searched(in.block, in.references, in.shifts);
  const Found found = found_of_chosen(in.block, {0, 1}, in, numbers, 1);
  CHECK(found.scores[0] == all.scores[0]);
  CHECK(found.codes[0] == all.codes[0]);
  CHECK(found.scores[1] == -1.0F);
  CHECK(found_of_chosen(in.block, {0, 0}, in, {}, 1).scores.empty());
  CHECK(found_of_chosen(in.block, {0, 1}, in, {}, 0).scores.empty());
}

TEST_CASE("images of zeros and references of zeros score 0") {
  const Inputs in(kSmall, 3, 2, kCross);
  std::vector<Image> images = in.images;
  for (double& pixel : images[1]) pixel = 0;
  const ImageBlock block = block_of(in.grid, images, in.weights);
  const Found found = found_of_chosen(block, {0, 1}, in, Numbers(16, 1), 1);
  CHECK(found.scores[1] == 0.0F);
  CHECK(found.codes[1] == 0);
  CHECK(found.scores[0] > 0);
  Inputs empty(kSmall, 3, 2, kCross);
  std::fill(empty.references.begin(), empty.references.end(), 0.0F);
  for (const float score : found_of_chosen(in.block, {0, 1}, empty, Numbers(16, 0), 1).scores) {
    CHECK(score == 0.0F);
  }
}

TEST_CASE("a reference that does not exist is refused") {
  const Inputs in(kSmall, 3, 2, kCross);
  CHECK_THROWS_WITH_AS(found_of_chosen(in.block, {0, 1}, in, Numbers(16, 2), 1),
                       "chosen references must be below 2, not 2",
                       std::invalid_argument);
}
