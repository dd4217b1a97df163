#include "workload.hpp"

#include <algorithm>
#include <cmath>
#include <random>

namespace cl2d::bench {
namespace {

std::vector<double> shifts_within(double radius_px) {
  std::vector<double> shifts;
  const int reach = static_cast<int>(radius_px);
  for (int y = -reach; y <= reach; ++y) {
    for (int x = -reach; x <= reach; ++x) {
      if (std::hypot(x, y) <= radius_px) shifts.insert(shifts.end(), {double(x), double(y)});
    }
  }
  return shifts;
}

}  // namespace

Workload::Workload(const GridSizes& sizes, std::int64_t n_images, std::int64_t count)
    : block(
          PolarGrid(sizes.working_box_px, 1, sizes.k_max, sizes.mask_radius * sizes.working_box_px),
          n_images),
      n_references(count),
      shifts(shifts_within(0.1 * sizes.working_box_px)),
      scores(static_cast<std::size_t>(block.n_tiles() * kLanes * count)),
      codes(scores.size()) {
  std::mt19937 random(0);
  std::normal_distribution<float> normal;
  const PolarGrid& grid = block.grid();
  // Of about norm 1, as the engine has them.
  const auto n_samples = static_cast<std::size_t>(grid.n_rings() * grid.n_half_angles());
  const float scale = 1.0F / std::sqrt(static_cast<float>(n_samples));
  for (std::size_t i = 0; i < static_cast<std::size_t>(count) * n_samples; ++i) {
    references.emplace_back(scale * normal(random), scale * normal(random));
  }
  std::vector<float> values(static_cast<std::size_t>(block.tile_floats()));
  for (std::int64_t tile = 0; tile < block.n_tiles(); ++tile) {
    for (float& value : values) value = scale * normal(random);
    block.set_tile(tile, values.data());
  }
}

void Workload::search(const TileRange& tiles, std::int64_t some_shifts) {
  cl2d::search(block,
               tiles,
               reference_view(),
               {shifts.data(), std::min(some_shifts, n_shifts())},
               {true, 1},
               scores.data(),
               codes.data());
}

}  // namespace cl2d::bench
