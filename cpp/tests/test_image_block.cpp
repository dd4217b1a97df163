#include "cl2d/image_block.hpp"

#include "engine_inputs.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <stdexcept>
#include <vector>

using cl2d::ImageBlock;
using cl2d::kLanes;
using cl2d::PolarGrid;
using namespace cl2d::testing;

namespace {

const PolarGrid kGrid(12, 1, 4, 5.0);

ImageBlock noise_block(int n, unsigned seed) {
  return block_of(kGrid, noise_images(n, kGrid.box_px(), seed), uneven_weights(kGrid));
}

}  // namespace

TEST_CASE("a new block has whole tiles of zeros on cache lines") {
  for (const int n : {0, 1, 15, 16, 17, 48}) {
    const ImageBlock block(kGrid, n);
    CHECK(block.n_images() == n);
    CHECK(block.n_tiles() == (n + 15) / 16);
    CHECK(block.tile_floats() == 32 * kGrid.n_coefficients());
    CHECK(block.bytes() == block.n_tiles() * block.tile_floats() * 4);
    for (const float value : bits_of(block)) REQUIRE(value == 0.0F);
    for (std::int64_t tile = 0; tile < block.n_tiles(); ++tile) {
      CHECK(reinterpret_cast<std::uintptr_t>(block.tile(tile, nullptr)) % 64 == 0);
    }
  }
}

TEST_CASE("selected images keep their coefficients, whatever the order and however often") {
  const ImageBlock block = noise_block(35, 1);
  const std::vector<std::int64_t> rows{34, 0, 16, 16, 15, 7};
  const ImageBlock chosen = block.select(rows);
  REQUIRE(chosen.n_images() == 6);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    CHECK(coefficients_of(chosen, static_cast<std::int64_t>(i)) == coefficients_of(block, rows[i]));
  }
  CHECK(bits_of(block.select({})).empty());
}

TEST_CASE("all images in order are the same block") {
  const ImageBlock block = noise_block(19, 2);
  std::vector<std::int64_t> rows(19);
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<std::int64_t>(i);
  CHECK(bits_of(block.select(rows)) == bits_of(block));
}

TEST_CASE("lanes beyond the last selected image stay zero") {
  const ImageBlock chosen = noise_block(32, 3).select({31});
  const std::vector<float> values = tile_of(chosen, 0);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i % kLanes != 0) REQUIRE(values[i] == 0.0F);
  }
}

TEST_CASE("a copied image leaves its neighbours alone") {
  const ImageBlock source = noise_block(3, 4);
  ImageBlock block = noise_block(20, 5);
  const ImageBlock before = noise_block(20, 5);
  block.copy_image(source, 2, 17);
  for (std::int64_t i = 0; i < 20; ++i) {
    CHECK(coefficients_of(block, i) == coefficients_of(i == 17 ? source : before, i == 17 ? 2 : i));
  }
}

TEST_CASE("images are copied from several blocks in the order of the rows") {
  const ImageBlock first = noise_block(20, 7), last = noise_block(3, 8);
  ImageBlock chosen(kGrid, 5);
  chosen.copy_images({&first, &last}, 20, {21, 0, 19, 22, 0});
  CHECK(coefficients_of(chosen, 0) == coefficients_of(last, 1));
  CHECK(coefficients_of(chosen, 1) == coefficients_of(first, 0));
  CHECK(coefficients_of(chosen, 2) == coefficients_of(first, 19));
  CHECK(coefficients_of(chosen, 3) == coefficients_of(last, 2));
  CHECK(coefficients_of(chosen, 4) == coefficients_of(first, 0));
  ImageBlock one(kGrid, 1);
  // The last block is not full: row 23 would be its fourth image.
  CHECK_THROWS_WITH_AS(one.copy_images({&first, &last}, 20, {23}),
                       "image index must be in [0, 3), not 3",
                       std::out_of_range);
  CHECK_THROWS_WITH_AS(one.copy_images({&first, &last}, 20, {40}),
                       "image index must be in [0, 40), not 40",
                       std::out_of_range);
  CHECK_THROWS_AS(one.copy_images({&first}, 20, {}), std::invalid_argument);
  CHECK_THROWS_AS(one.copy_images({&first}, 0, {0}), std::invalid_argument);
}

TEST_CASE("images that are not there are refused with both numbers") {
  const ImageBlock block = noise_block(3, 6);
  ImageBlock target(kGrid, 2);
  CHECK_THROWS_WITH_AS(
      block.select({0, 3}), "image index must be in [0, 3), not 3", std::out_of_range);
  CHECK_THROWS_WITH_AS(
      block.select({-1}), "image index must be in [0, 3), not -1", std::out_of_range);
  CHECK_THROWS_WITH_AS(
      target.copy_image(block, 0, 2), "image index must be in [0, 2), not 2", std::out_of_range);
  CHECK_THROWS_WITH_AS(
      ImageBlock(kGrid, -1), "n_images must not be negative, not -1", std::invalid_argument);
}

TEST_CASE("images of another grid are refused, also if it has as many coefficients") {
  ImageBlock target(kGrid, 2);
  const ImageBlock larger(PolarGrid(12, 1, 5, 5.0), 2);
  const PolarGrid same_size(24, 1, 4, 10.0);
  REQUIRE(same_size.n_coefficients() == kGrid.n_coefficients());
  const ImageBlock elsewhere(same_size, 2);
  for (const ImageBlock* source : {&larger, &elsewhere}) {
    CHECK_THROWS_WITH_AS(target.copy_image(*source, 0, 0),
                         doctest::Contains("blocks must share one grid"),
                         std::invalid_argument);
  }
}
