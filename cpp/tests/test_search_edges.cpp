#include "search_inputs.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <vector>

using cl2d::ImageBlock;
using cl2d::PolarGrid;
using cl2d::TileRange;
using namespace cl2d::testing;

TEST_CASE("zero images and lanes without an image score 0 at the first pose") {
  const PolarGrid grid = kSmall.grid();
  std::vector<Image> images = noise_images(3, 16, 32);
  for (double& pixel : images[1]) pixel = 0;
  const Inputs in(kSmall, 1, 2, kCross);
  at_every_simd_level([&] {
    const Found found =
        searched(block_of(grid, images, uneven_weights(grid)), in.references, kCross);
    for (std::size_t i = 0; i < 16; ++i) {
      if (i == 0 || i == 2) continue;
      CHECK(found.scores[2 * i] == 0.0F);
      CHECK(found.codes[2 * i] == 0);
    }
    CHECK(found.scores[0] > 0);
  });
}

TEST_CASE("among shifts that score alike the first is kept") {
  const Inputs in(kSmall, 16, 2, {{1, 0}, {0, 0}, {1, 0}, {0, 0}, {1, 0}, {0, 0}, {1, 0}, {0, 0}});
  at_every_simd_level([&] {
    const Found found = searched(in.block, in.references, in.shifts);
    for (const std::int32_t code : found.codes) CHECK(code / (2 * in.grid.n_angles()) < 2);
  });
}

TEST_CASE("of a direct and a mirrored pose that score exactly alike every level keeps the same") {
  const PolarGrid grid(8, 1, 1, 2.0);
  REQUIRE(grid.n_angles() == 8);
  // Order 2 alone, image 1 + i and reference 1 - i: the direct correlation is cos((j - 1) pi / 2)
  // of angle j, the mirrored one cos(j pi / 2).
  ImageBlock block(grid, 1);
  std::vector<float> values(static_cast<std::size_t>(block.tile_floats()));
  values[2 * 2 * cl2d::kLanes] = 2;
  block.set_tile(0, values.data());
  Samples reference;
  for (int j = 0; j < 4; ++j) {
    const double theta = cl2d::slow::kTwoPi * j / 8;
    reference.emplace_back(2 * std::cos(2 * theta) + 2 * std::sin(2 * theta));
  }
  const std::int32_t code = searched(block, reference, {{0, 0}}).codes[0];
  CHECK((code % 4 == 1 || code % 4 == 0));
  at_every_simd_level([&] {
    const Found found = searched(block, reference, {{0, 0}, {0, 0}});
    CHECK(found.scores[0] == doctest::Approx(4));
    CHECK(found.codes[0] == code);
  });
}

TEST_CASE("an image that looks alike from every angle keeps the first pose") {
  // Order 0 alone: all angles and both mirrors score exactly alike.
  const Inputs in(kSmall, 1, 1, {{0, 0}});
  ImageBlock block(in.grid, 1);
  std::vector<float> values(static_cast<std::size_t>(block.tile_floats()));
  for (int i = 0; i < in.grid.n_rings(); ++i) {
    values[i * 2 * cl2d::kLanes] = values[(i * 2 + 1) * cl2d::kLanes] = 0.25F;
  }
  block.set_tile(0, values.data());
  at_every_simd_level([&] { CHECK(searched(block, in.references, in.shifts).codes[0] == 0); });
}

TEST_CASE("no tiles are no work") {
  const Inputs in(kSmall, 17, 1, kCross);
  for (const std::int64_t first : {0, 1, 2}) {
    CHECK(searched(in.block, {first, 0}, in.references, kCross).scores.empty());
  }
}

TEST_CASE("sizes that do not fit are refused with both numbers") {
  const Inputs in(kSmall, 17, 1, kCross);
  const auto refused =
      [&](const TileRange& tiles, const cl2d::SearchOptions& options, const char* why) {
        std::vector<float> scores(64);
        std::vector<std::int32_t> codes(64);
        CHECK_THROWS_WITH_AS(cl2d::search(in.block,
                                          tiles,
                                          view_of(in.references, in.grid),
                                          view_of(kCross),
                                          options,
                                          scores.data(),
                                          codes.data()),
                             doctest::Contains(why),
                             std::invalid_argument);
      };
  refused({0, 3}, {}, "tiles must lie in the 2 of the block, not be 3 from 0 on");
  refused({2, 1}, {}, "tiles must lie in the 2 of the block, not be 1 from 2 on");
  refused({-1, 1}, {}, "tiles must lie in the 2 of the block, not be 1 from -1 on");
  refused({1, -1}, {}, "tiles must lie in the 2 of the block, not be -1 from 1 on");
  refused({0, 1}, {true, 0}, "n_threads must be at least 1, not 0");
  CHECK_THROWS_WITH_AS(searched(in.block, {0, 1}, {}, kCross),
                       doctest::Contains("at least one reference and one shift"),
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(searched(in.block, {0, 1}, in.references, {}),
                       doctest::Contains("at least one reference and one shift"),
                       std::invalid_argument);
  const cl2d::ShiftView too_many{numbers_of(kCross), std::int64_t{1} << 31};
  std::vector<float> scores(16);
  std::vector<std::int32_t> codes(16);
  CHECK_THROWS_WITH_AS(cl2d::search(in.block,
                                    {0, 1},
                                    view_of(in.references, in.grid),
                                    too_many,
                                    {},
                                    scores.data(),
                                    codes.data()),
                       "too many shifts for 32-bit pose codes: 2147483648",
                       std::invalid_argument);
}
