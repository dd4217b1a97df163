// Searches, refinement and what is made of poses.
#include "cl2d/chosen_search.hpp"
#include "cl2d/moved_images.hpp"
#include "cl2d/refine.hpp"
#include "cl2d/update.hpp"

#include "parts.hpp"
#include "targets.hpp"

#include <algorithm>
#include <cmath>

namespace cl2d::fuzz {
namespace {

/// References and shifts for a search of a block.
struct Compared {
  Compared(Bytes& bytes, const PolarGrid& grid)
      : n_references(bytes.within(0, 5)),
        references(samples(bytes, n_references * samples_per_image(grid))),
        n_shifts(bytes.within(0, 20)),
        shifts(bytes.values<double>(2 * n_shifts)) {}
  ReferenceView reference_view() const { return {references.data(), n_references}; }
  ShiftView shift_view() const { return {shifts.data(), n_shifts}; }

  std::int64_t n_references;
  Samples references;
  std::int64_t n_shifts;
  std::vector<double> shifts;
};

SearchOptions some_options(Bytes& bytes) {
  const bool with_mirrors = bytes.byte() % 2 == 0;
  return {with_mirrors, some_threads(bytes)};
}

void require_codes(const std::vector<std::int32_t>& codes,
                   const PolarGrid& grid,
                   std::int64_t n_shifts) {
  const std::int64_t n = n_shifts * 2 * grid.n_angles();
  for (const std::int32_t code : codes) require(code >= 0 && code < std::max<std::int64_t>(n, 1));
}

/// A pose for each of n images.
struct SomePoses {
  SomePoses(Bytes& bytes, std::int64_t n)
      : psi_rad(bytes.values<double>(n)),
        shift_xy(bytes.values<double>(2 * n)),
        mirror(static_cast<std::size_t>(std::max<std::int64_t>(n, 0)), bytes.byte() % 2) {}

  std::vector<double> psi_rad;
  std::vector<double> shift_xy;
  std::vector<std::uint8_t> mirror;
};

std::int64_t images_of(const TileRange& tiles, const ImageBlock& block) {
  if (!lie_in(tiles, block)) return 0;
  const std::int64_t left = block.n_images() - tiles.first * kLanes;
  return std::max<std::int64_t>(std::min(tiles.count * kLanes, left), 0);
}

}  // namespace

void search_blocks(Bytes& bytes) {
  const ImageBlock block = small_block(bytes);
  const TileRange tiles = some_tiles(bytes, block);
  const Compared with(bytes, block.grid());
  const std::int64_t rows = lie_in(tiles, block) ? tiles.count * kLanes : 0;
  std::vector<float> scores(static_cast<std::size_t>(rows * with.n_references));
  std::vector<std::int32_t> codes(scores.size());
  search(block,
         tiles,
         with.reference_view(),
         with.shift_view(),
         some_options(bytes),
         scores.data(),
         codes.data());
  require_codes(codes, block.grid(), with.n_shifts);
}

void search_some(Bytes& bytes) {
  const ImageBlock block = small_block(bytes);
  const TileRange tiles = some_tiles(bytes, block);
  const Compared with(bytes, block.grid());
  const std::int64_t rows = lie_in(tiles, block) ? tiles.count * kLanes : 0;
  const std::int64_t n_each = bytes.within(0, 3);
  const auto most = static_cast<std::int32_t>(with.n_references) - 1;
  const std::vector<std::int32_t> chosen = bytes.choices(rows * n_each, most);
  std::vector<float> scores(chosen.size());
  std::vector<std::int32_t> codes(chosen.size());
  search_chosen(block,
                tiles,
                with.reference_view(),
                with.shift_view(),
                some_options(bytes),
                {chosen.data(), n_each},
                scores.data(),
                codes.data());
  require_codes(codes, block.grid(), with.n_shifts);
}

void refine_poses(Bytes& bytes) {
  const ImageBlock block = small_block(bytes);
  const TileRange tiles = some_tiles(bytes, block);
  const Compared with(bytes, block.grid());
  const std::int64_t n = images_of(tiles, block);
  const auto most = static_cast<std::int32_t>(with.n_references) - 1;
  const std::vector<std::int32_t> chosen = bytes.choices(n, most);
  SomePoses poses(bytes, n);
  std::vector<float> scores(static_cast<std::size_t>(n));
  const double step_rad = bytes.number(), step_px = bytes.number();
  const int n_rounds = bytes.size(1, 5);
  const double max_shift_px = bytes.number();
  refine(block,
         tiles,
         with.reference_view(),
         {step_rad, step_px, n_rounds, max_shift_px, some_threads(bytes)},
         {chosen.data(),
          poses.psi_rad.data(),
          poses.shift_xy.data(),
          poses.mirror.data(),
          scores.data()});
}

void move_blocks(Bytes& bytes) {
  const ImageBlock block = small_block(bytes);
  const TileRange tiles = some_tiles(bytes, block);
  const std::vector<double> shifts = bytes.values<double>(2 * images_of(tiles, block));
  const ImageBlock moved = moved_images(block, tiles, shifts.data(), some_threads(bytes));
  std::vector<float> scratch(static_cast<std::size_t>(moved.tile_floats()));
  for (std::int64_t tile = 0; tile < moved.n_tiles(); ++tile) {
    const float* values = moved.tile(tile, scratch.data());
    for (std::int64_t i = 0; i < moved.tile_floats(); ++i) require(std::isfinite(values[i]));
  }
}

void add_members(Bytes& bytes) {
  const ImageBlock block = small_block(bytes);
  const std::int64_t n = bytes.byte() % 8 == 0 ? bytes.within(0, 40) : block.n_images();
  const SomePoses some(bytes, n);
  const PoseView poses{some.psi_rad.data(), some.shift_xy.data(), some.mirror.data(), n};
  const std::int64_t n_slots = bytes.within(1, 4);
  const std::vector<std::int32_t> slots =
      bytes.choices(block.n_images(), static_cast<std::int32_t>(n_slots) - 1);
  std::vector<std::complex<double>> sums(
      static_cast<std::size_t>(n_slots * samples_per_image(block.grid())));
  accumulate(block, slots.data(), poses, sums.data(), n_slots, some_threads(bytes));
  for (const std::complex<double>& sum : sums) require(std::isfinite(std::abs(sum)));
  Samples members(static_cast<std::size_t>(block.n_images() * samples_per_image(block.grid())));
  align_members(block, poses, members.data(), some_threads(bytes));
  for (const std::complex<float>& one : members) require(std::isfinite(std::abs(one)));
}

}  // namespace cl2d::fuzz
