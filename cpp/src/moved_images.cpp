#include "cl2d/moved_images.hpp"

#include "cl2d/threads.hpp"

#include "aligned_tile.hpp"
#include "team.hpp"
#include "usable_pose.hpp"

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace cl2d {
namespace {

/// Shifts of the images of a tile, as poses that move them: a pose takes its shift back.
LanePoses poses_that_move(const double* shift_xy, std::int64_t count) {
  LanePoses poses{};
  for (int lane = 0; lane < kLanes; ++lane) {
    poses.mirror_sign[lane] = 1;
    if (lane >= count) continue;
    poses.shift_x[lane] = -shift_xy[2 * lane];
    poses.shift_y[lane] = -shift_xy[2 * lane + 1];
  }
  return poses;
}

}  // namespace

ImageBlock moved_images(const ImageBlock& block,
                        const TileRange& tiles,
                        const double* shift_xy,
                        int n_threads) {
  check_tiles(block, tiles, n_threads);
  const std::int64_t n = std::min(tiles.count * kLanes, block.n_images() - tiles.first * kLanes);
  for (std::int64_t i = 0; i < n; ++i) {
    if (is_usable_shift(shift_xy + 2 * i)) continue;
    throw std::invalid_argument("shift of image " + std::to_string(i) +
                                " must be finite and at most 1e6 pixels");
  }
  const PolarGrid& grid = block.grid();
  ImageBlock moved(grid, std::max<std::int64_t>(tiles.count, 1) * kLanes);
  const AngularDft dft(grid);
  const int team = team_size(n_threads, tiles.count);
  std::vector<AlignedTile> scratch;
  scratch.reserve(static_cast<std::size_t>(team));
  for (int t = 0; t < team; ++t) scratch.emplace_back(grid, dft);
#pragma omp parallel for schedule(static) num_threads(team)
  for (std::int64_t tile = 0; tile < tiles.count; ++tile) {
    AlignedTile& mine = scratch[static_cast<std::size_t>(thread_index())];
    const std::int64_t left = block.n_images() - (tiles.first + tile) * kLanes;
    const LanePoses poses = poses_that_move(shift_xy + 2 * kLanes * tile, left);
    mine.make(block, dft, tiles.first + tile, poses);
    float* values = mine.coefficients.get();
    kernels::active_table().analyse(dft.view(), {mine.polar.get(), mine.workspace.get(), values});
    for (std::int64_t i = 0; i < block.tile_floats(); i += 2 * kLanes) {
      for (int lane = 0; lane < kLanes; ++lane) {
        const float p = values[i + lane], q = values[i + kLanes + lane];
        values[i + lane] = p + q;
        values[i + kLanes + lane] = p - q;
      }
    }
    moved.set_tile(tile, values);
  }
  return moved;
}

}  // namespace cl2d
