#include "cl2d/update.hpp"

#include "search_inputs.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <complex>
#include <cstdint>
#include <random>
#include <stdexcept>
#include <vector>

using cl2d::ImageBlock;
using cl2d::PolarGrid;
using namespace cl2d::testing;

namespace {

using Sums = std::vector<std::complex<double>>;  // (n_slots, n_rings, n_angles / 2)

struct Poses {
  std::vector<double> psi_rad;
  Shifts shift_px;
  std::vector<std::uint8_t> mirror;

  cl2d::PoseView view() const {
    return {psi_rad.data(),
            numbers_of(shift_px),
            mirror.data(),
            static_cast<std::int64_t>(psi_rad.size())};
  }
};

Poses random_poses(std::int64_t n, unsigned seed) {
  std::mt19937 generator(seed);
  std::uniform_real_distribution<double> angle(-10, 10), shift(-3, 3);
  Poses poses;
  for (std::int64_t i = 0; i < n; ++i) {
    poses.psi_rad.push_back(angle(generator));
    poses.shift_px.push_back({shift(generator), shift(generator)});
    poses.mirror.push_back(static_cast<std::uint8_t>(i % 3 == 1));
  }
  return poses;
}

Samples aligned(const ImageBlock& block, const Poses& poses, int n_threads = 1) {
  const PolarGrid& grid = block.grid();
  Samples members(
      static_cast<std::size_t>(block.n_images() * grid.n_rings() * grid.n_half_angles()));
  cl2d::align_members(block, poses.view(), members.data(), n_threads);
  return members;
}

Sums accumulated(const ImageBlock& block,
                 const std::vector<std::int32_t>& slots,
                 const Poses& poses,
                 std::int64_t n_slots,
                 int n_threads = 1) {
  const PolarGrid& grid = block.grid();
  Sums sums(static_cast<std::size_t>(n_slots * grid.n_rings() * grid.n_half_angles()));
  cl2d::accumulate(block, slots.data(), poses.view(), sums.data(), n_slots, n_threads);
  return sums;
}

/// One member by definition: image(theta) stands at theta + psi, or at pi - theta - psi when
/// mirrored, and there the shift is taken back.
Sums aligned_by_definition(const ImageBlock& block, std::int64_t image, const Poses& poses) {
  const PolarGrid& grid = block.grid();
  const std::vector<std::complex<double>> coefficients = coefficients_of(block, image);
  const auto i = static_cast<std::size_t>(image);
  Sums member;
  for (int ring = 0; ring < grid.n_rings(); ++ring) {
    for (int j = 0; j < grid.n_half_angles(); ++j) {
      const double met = cl2d::slow::kTwoPi * j / grid.n_angles();
      const double theta = poses.mirror[i] != 0 ? cl2d::slow::kTwoPi / 2 - poses.psi_rad[i] - met
                                                : met - poses.psi_rad[i];
      std::complex<double> sample;
      int offset = 0;
      for (int m = 0; m < grid.n_orders(); ++m) {
        if (ring >= grid.first_ring(m)) {
          const std::complex<double> a =
              coefficients[static_cast<std::size_t>(offset + ring - grid.first_ring(m))];
          const double sign = m % 2 == 0 ? 1 : -1;
          sample += a * std::polar(1.0, m * theta);
          if (m > 0) sample += sign * std::conj(a) * std::polar(1.0, -m * theta);
        }
        offset += grid.n_rings() - grid.first_ring(m);
      }
      const double along =
          poses.shift_px[i][0] * std::cos(met) + poses.shift_px[i][1] * std::sin(met);
      const int k = grid.k_min() + ring;
      member.push_back(sample * std::polar(1.0, cl2d::slow::kTwoPi * k * along / grid.box_px()));
    }
  }
  return member;
}

ImageBlock noise_block(const PolarGrid& grid, int n, unsigned seed) {
  return block_of(grid, noise_images(n, grid.box_px(), seed), uneven_weights(grid));
}

std::vector<std::int32_t> slots_of(std::int64_t n, int n_slots) {
  std::vector<std::int32_t> slots;
  for (std::int64_t i = 0; i < n; ++i) {
    slots.push_back(static_cast<std::int32_t>(i * 7 % (n_slots + 1)) - 1);
  }
  return slots;
}

// Images have norm 1, samples therefore at most sqrt(n_angles) and mostly less than 2; some ten
// roundings of 6e-8 each, of the phases among them.
constexpr double kSampleTolerance = 2e-6;

}  // namespace

TEST_CASE("aligned members stand where their poses put them") {
  for (const GridSizes& sizes : kGrids) {
    const PolarGrid grid = sizes.grid();
    CAPTURE(grid.n_angles());
    const ImageBlock block = noise_block(grid, 18, 41);
    const Poses poses = random_poses(18, 42);
    at_every_simd_level([&] {
      const Samples members = aligned(block, poses);
      for (const std::int64_t image : {0, 1, 15, 16, 17}) {
        const Sums expected = aligned_by_definition(block, image, poses);
        double largest = 0;
        for (std::size_t i = 0; i < expected.size(); ++i) {
          const std::complex<double> given(
              members[static_cast<std::size_t>(image) * expected.size() + i]);
          largest = std::max(largest, std::abs(given - expected[i]));
        }
        CHECK(largest < kSampleTolerance);
      }
    });
  }
}

TEST_CASE("an aligned member correlates with its reference as the search said") {
  const Inputs in(kSmall, 20, 1, kCross);
  const Found found = searched(in.block, in.references, kCross);
  Poses poses;
  for (std::size_t i = 0; i < 20; ++i) {
    const int code = found.codes[i], n = in.grid.n_angles();
    poses.psi_rad.push_back(cl2d::slow::kTwoPi * (code % n) / n);
    poses.mirror.push_back(static_cast<std::uint8_t>(code / n % 2));
    poses.shift_px.push_back(kCross[static_cast<std::size_t>(code / (2 * n))]);
  }
  const Samples members = aligned(in.block, poses);
  for (std::size_t i = 0; i < 20; ++i) {
    double score = 0;
    for (std::size_t s = 0; s < in.references.size(); ++s) {
      const std::complex<double> member(members[i * in.references.size() + s]);
      score += (std::conj(member) * std::complex<double>(in.references[s])).real();
    }
    score /= in.grid.n_half_angles();
    CHECK(score == doctest::Approx(found.scores[i]).epsilon(kScoreTolerance));
  }
}

TEST_CASE("class sums are the sums of aligned members in double precision, to the last bit") {
  const PolarGrid grid = kSmall.grid();
  for (const int n : {1, 16, 37, 300}) {  // 300 is more than are aligned at a time
    const ImageBlock block = noise_block(grid, n, 43);
    const Poses poses = random_poses(n, 44);
    const std::vector<std::int32_t> slots = slots_of(n, 4);
    at_every_simd_level([&] {
      const Samples members = aligned(block, poses);
      const std::size_t size = members.size() / static_cast<std::size_t>(n);
      Sums expected(4 * size);
      for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i) {
        if (slots[i] < 0) continue;
        for (std::size_t s = 0; s < size; ++s) {
          expected[static_cast<std::size_t>(slots[i]) * size + s] += members[i * size + s];
        }
      }
      CHECK(accumulated(block, slots, poses, 4) == expected);
    });
  }
}

TEST_CASE("sums are added to what is there, and slots without members stay as they are") {
  const PolarGrid grid = kSmall.grid();
  const ImageBlock block = noise_block(grid, 5, 45);
  const Poses poses = random_poses(5, 46);
  const std::vector<std::int32_t> slots{1, -1, 1, -7, 1};
  const Sums once = accumulated(block, slots, poses, 3);
  Sums twice = once;
  cl2d::accumulate(block, slots.data(), poses.view(), twice.data(), 3, 1);
  const std::size_t size = once.size() / 3;
  for (std::size_t i = 0; i < once.size(); ++i) {
    if (i / size != 1) CHECK(once[i] == 0.0);
    // (0 + a + b + c) + a + b + c against twice the bracket: roundings of doubles.
    CHECK(std::abs(twice[i] - 2.0 * once[i]) < 1e-14 * 6);
  }
  CHECK(std::abs(once[size]) > 0);
}

TEST_CASE("parts of a block add up to the whole") {
  const PolarGrid grid = kSmall.grid();
  const ImageBlock block = noise_block(grid, 50, 47);
  const Poses poses = random_poses(50, 48);
  const std::vector<std::int32_t> slots = slots_of(50, 2);
  Sums in_parts(accumulated(block, slots, poses, 2).size());
  for (const auto& [first, last] : {std::array{0, 17}, std::array{17, 18}, std::array{18, 50}}) {
    std::vector<std::int64_t> rows;
    for (std::int64_t row = first; row < last; ++row) rows.push_back(row);
    const auto cut = [first = first, last = last](const auto& all) {
      return std::decay_t<decltype(all)>(all.begin() + first, all.begin() + last);
    };
    const Poses some{cut(poses.psi_rad), cut(poses.shift_px), cut(poses.mirror)};
    cl2d::accumulate(block.select(rows), cut(slots).data(), some.view(), in_parts.data(), 2, 1);
  }
  // The images come in the same order, so every addition is the same.
  CHECK(in_parts == accumulated(block, slots, poses, 2));
}

TEST_CASE("bits of sums and members do not depend on the number of threads") {
  const PolarGrid grid = kSmall.grid();
  const ImageBlock block = noise_block(grid, 300, 49);
  const Poses poses = random_poses(300, 50);
  const std::vector<std::int32_t> slots = slots_of(300, 3);
  const Sums sums = accumulated(block, slots, poses, 3, 1);
  const Samples members = aligned(block, poses, 1);
  for (const int n_threads : {2, 3, 20}) {
    CHECK(accumulated(block, slots, poses, 3, n_threads) == sums);
    CHECK(aligned(block, poses, n_threads) == members);
  }
}

TEST_CASE("levels of kernels agree about sums") {
  const PolarGrid grid = kSmall.grid();
  const ImageBlock block = noise_block(grid, 40, 51);
  const Poses poses = random_poses(40, 52);
  const Sums first = accumulated(block, slots_of(40, 1), poses, 1);
  at_every_simd_level([&] {
    const Sums sums = accumulated(block, slots_of(40, 1), poses, 1);
    for (std::size_t i = 0; i < sums.size(); ++i) {
      REQUIRE(std::abs(sums[i] - first[i]) < 40 * kSampleTolerance);
    }
  });
}

TEST_CASE("an empty block adds nothing") {
  const PolarGrid grid = kSmall.grid();
  const Sums sums = accumulated(ImageBlock(grid, 0), {}, {}, 2);
  CHECK(std::all_of(sums.begin(), sums.end(), [](std::complex<double> s) { return s == 0.0; }));
  CHECK(aligned(ImageBlock(grid, 0), {}).empty());
}

TEST_CASE("poses, slots and threads that do not fit are refused with both numbers") {
  const PolarGrid grid = kSmall.grid();
  const ImageBlock block = noise_block(grid, 3, 53);
  const std::vector<std::int32_t> slots{0, 0, 2};
  const Poses poses = random_poses(3, 54);
  CHECK_THROWS_WITH_AS(accumulated(block, slots, random_poses(4, 54), 3),
                       "poses must number 3 like the images of the block, not 4",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(aligned(block, random_poses(2, 54)),
                       "poses must number 3 like the images of the block, not 2",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(
      accumulated(block, slots, poses, 2), "slots must be below 2, not 2", std::invalid_argument);
  CHECK_THROWS_WITH_AS(accumulated(block, slots, poses, 3, 0),
                       "n_threads must be at least 1, not 0",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(
      aligned(block, poses, -1), "n_threads must be at least 1, not -1", std::invalid_argument);
}
