#include "cl2d/chosen_search.hpp"
#include "cl2d/moved_images.hpp"
#include "cl2d/refine.hpp"
#include "cl2d/update.hpp"

#include "half.hpp"
#include "kernels/kernels.hpp"
#include "search_inputs.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstdint>
#include <random>
#include <stdexcept>
#include <tuple>
#include <vector>

using cl2d::ImageBlock;
using cl2d::Precision;
using namespace cl2d::testing;

namespace {

constexpr int kFinite = 0x7c00;  // halves below this, of either sign, are numbers

/// The number a half stands for, by definition.
double value_of(int half) {
  const int exponent = half >> 10 & 0x1f, mantissa = half & 0x3ff;
  const double magnitude =
      exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(0x400 + mantissa, exponent - 25);
  return (half & 0x8000) != 0 ? -magnitude : magnitude;
}

/// A block of floats that holds exactly what another block holds.
ImageBlock in_single(const ImageBlock& block) {
  ImageBlock copy(block.grid(), block.n_images());
  for (std::int64_t tile = 0; tile < block.n_tiles(); ++tile) {
    copy.set_tile(tile, tile_of(block, tile).data());
  }
  return copy;
}

struct Stored {
  explicit Stored(int n_images)
      : in(kSmall, n_images, 5, kCross),
        half(block_of(in.grid, in.images, in.weights, Precision::Half)),
        same(in_single(half)) {}
  Inputs in;
  ImageBlock half;
  ImageBlock same;
};

struct Poses {
  explicit Poses(std::size_t n) : psi_rad(n), shift_xy(2 * n), mirror(n), scores(n) {
    std::mt19937 generator(31);
    std::uniform_real_distribution<double> shift(-1.5, 1.5);
    for (double& psi : psi_rad) psi = 2 * shift(generator);
    for (double& x : shift_xy) x = shift(generator);
    for (std::size_t i = 0; i < n; i += 3) mirror[i] = 1;
  }
  std::vector<double> psi_rad, shift_xy;
  std::vector<std::uint8_t> mirror;
  std::vector<float> scores;
};

}  // namespace

TEST_CASE("every half is decoded to the number it stands for, at every level") {
  std::vector<std::uint16_t> halves;
  for (int half = 0; half < kFinite; ++half) {
    halves.push_back(static_cast<std::uint16_t>(half));
    halves.push_back(static_cast<std::uint16_t>(half | 0x8000));
  }
  std::vector<float> decoded(halves.size());
  at_every_simd_level([&] {
    cl2d::kernels::active_table().decode_halves(
        halves.data(), static_cast<std::int64_t>(halves.size()), cl2d::kHalfScale, decoded.data());
    for (std::size_t i = 0; i < halves.size(); ++i) {
      REQUIRE(decoded[i] == value_of(halves[i]) / cl2d::kHalfScale);
      REQUIRE(std::signbit(decoded[i]) == (halves[i] >= 0x8000));
    }
  });
}

TEST_CASE("a half and all between it and the next are encoded to the nearest, ties to even") {
  for (int half = 0; half < kFinite - 1; ++half) {
    const double low = value_of(half) / cl2d::kHalfScale;
    const double high = value_of(half + 1) / cl2d::kHalfScale;
    const auto middle = static_cast<float>((low + high) / 2);
    REQUIRE(cl2d::encode_half(static_cast<float>(low)) == half);
    REQUIRE(cl2d::encode_half(middle) == half + half % 2);
    REQUIRE(cl2d::encode_half(std::nextafter(middle, 0.0F)) == half);
    REQUIRE(cl2d::encode_half(std::nextafter(middle, 2.0F)) == half + 1);
    REQUIRE(cl2d::encode_half(-static_cast<float>(low)) == (half | 0x8000));
  }
}

TEST_CASE("halves keep 11 bits of every coefficient down to 2^-29") {
  const Stored stored(37);
  const std::vector<float> exact = bits_of(stored.in.block), kept = bits_of(stored.half);
  REQUIRE(exact.size() == kept.size());
  CHECK(stored.half.bytes() * 2 == stored.in.block.bytes());
  for (std::size_t i = 0; i < exact.size(); ++i) {
    const double smallest = std::ldexp(1.0, -29);
    const double error = std::abs(static_cast<double>(kept[i]) - static_cast<double>(exact[i]));
    REQUIRE(error <= std::ldexp(std::max<double>(std::abs(exact[i]), smallest), -11));
  }
}

TEST_CASE("scores of halves differ by no more than their rounding") {
  // Each coefficient is off by at most 2^-11 of itself, so the image by 2^-11 of its norm of 1.
  const Stored stored(37);
  at_every_simd_level([&] {
    const Found exact = searched(stored.in.block, stored.in.references, kCross);
    const Found found = searched(stored.half, stored.in.references, kCross);
    for (std::size_t i = 0; i < found.scores.size(); ++i) {
      REQUIRE(std::abs(found.scores[i] - exact.scores[i]) < std::ldexp(1.0, -11) + 2e-6);
    }
  });
}

TEST_CASE("searches of halves have the bits of searches of floats that hold the same") {
  const Stored stored(37);
  const cl2d::ReferenceView references = view_of(stored.in.references, stored.in.grid);
  const std::int64_t n_cells = 3 * 16 * 2;
  std::vector<std::int32_t> numbers;
  for (int cell = 0; cell < n_cells; ++cell) numbers.push_back(cell * 3 % 7 - 1);
  for (std::int32_t& number : numbers) number = number > 4 ? -1 : number;
  at_every_simd_level([&] {
    CHECK(searched(stored.half, stored.in.references, kCross) ==
          searched(stored.same, stored.in.references, kCross));
    std::vector<Found> found;
    for (const ImageBlock* block : {&stored.half, &stored.same}) {
      Found chosen{std::vector<float>(n_cells), std::vector<std::int32_t>(n_cells)};
      cl2d::search_chosen(*block,
                          {0, 3},
                          references,
                          view_of(kCross),
                          {true, 2},
                          {numbers.data(), 2},
                          chosen.scores.data(),
                          chosen.codes.data());
      found.push_back(chosen);
    }
    CHECK(found[0] == found[1]);
  });
}

TEST_CASE("refined, summed, aligned and moved halves have the bits of floats that hold the same") {
  const Stored stored(37);
  const std::size_t n_samples = stored.in.grid.n_rings() * stored.in.grid.n_half_angles();
  std::vector<std::int32_t> classes(37);
  for (std::size_t i = 0; i < 37; ++i) classes[i] = static_cast<std::int32_t>(i % 5);
  const auto results = [&](const ImageBlock& block) {
    Poses poses(37);
    const cl2d::PoseView view{poses.psi_rad.data(), poses.shift_xy.data(), poses.mirror.data(), 37};
    std::vector<std::complex<double>> sums(5 * n_samples);
    cl2d::accumulate(block, classes.data(), view, sums.data(), 5, 2);
    Samples members(37 * n_samples);
    cl2d::align_members(block, view, members.data(), 2);
    const std::vector<float> moved =
        bits_of(cl2d::moved_images(block, {0, 3}, poses.shift_xy.data(), 2));
    cl2d::refine(block,
                 {0, 3},
                 view_of(stored.in.references, stored.in.grid),
                 {0.1, 0.5, 2, 3.0, 2},
                 {classes.data(),
                  poses.psi_rad.data(),
                  poses.shift_xy.data(),
                  poses.mirror.data(),
                  poses.scores.data()});
    return std::tuple(sums, members, moved, poses.psi_rad, poses.shift_xy, poses.scores);
  };
  at_every_simd_level([&] { CHECK(results(stored.half) == results(stored.same)); });
}

TEST_CASE("images of halves are selected and copied unchanged, and to floats not at all") {
  const Stored stored(37);
  const ImageBlock chosen = stored.half.select({36, 0, 17});
  CHECK(chosen.precision() == Precision::Half);
  CHECK(coefficients_of(chosen, 0) == coefficients_of(stored.half, 36));
  CHECK(coefficients_of(chosen, 2) == coefficients_of(stored.half, 17));
  ImageBlock single(stored.in.grid, 1);
  CHECK_THROWS_WITH_AS(single.copy_image(stored.half, 0, 0),
                       "blocks must share one grid and precision to exchange images",
                       std::invalid_argument);
}

TEST_CASE("a block in the caller's memory holds the bits of one of its own") {
  const Stored stored(37);
  for (const ImageBlock* own : {&stored.half, &stored.same}) {
    const std::int64_t bytes = own->bytes();
    const cl2d::AlignedBuffer memory =
        cl2d::make_aligned_buffer(static_cast<std::size_t>(bytes) / sizeof(float) + 1);
    ImageBlock there(own->grid(), 37, own->precision(), memory.get(), bytes);
    for (std::int64_t tile = 0; tile < there.n_tiles(); ++tile) {
      there.set_tile(tile, tile_of(*own, tile).data());
    }
    CHECK(bits_of(there) == bits_of(*own));
    CHECK_THROWS_AS(ImageBlock(own->grid(), 37, own->precision(), memory.get(), bytes - 1),
                    std::invalid_argument);
    CHECK_THROWS_AS(ImageBlock(own->grid(), 37, own->precision(), memory.get() + 1, bytes),
                    std::invalid_argument);
  }
}
