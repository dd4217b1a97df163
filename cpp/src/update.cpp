#include "cl2d/update.hpp"

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

// Tiles a thread aligns before they are added up: few, so that they are still in its cache then.
constexpr std::int64_t kTilesPerThread = 2;

LanePoses tile_poses(const PoseView& poses, std::int64_t tile) {
  const std::int64_t first = tile * kLanes;
  return lane_poses(poses.psi_rad + first,
                    poses.shift_xy + 2 * first,
                    poses.mirror + first,
                    std::min<std::int64_t>(kLanes, poses.n - first));
}

void check_poses(const ImageBlock& block, const PoseView& poses, int n_threads) {
  if (poses.n != block.n_images()) {
    throw std::invalid_argument("poses must number " + std::to_string(block.n_images()) +
                                " like the images of the block, not " + std::to_string(poses.n));
  }
  check_threads(n_threads);
}

void check_pose(const PoseView& poses, std::int64_t i) {
  if (is_usable_pose(poses.psi_rad[i], poses.shift_xy + 2 * i)) return;
  throw std::invalid_argument("pose of image " + std::to_string(i) +
                              " must be finite with a shift of at most 1e6 pixels");
}

}  // namespace

void accumulate(const ImageBlock& block,
                const std::int32_t* slots,
                const PoseView& poses,
                std::complex<double>* sums,
                std::int64_t n_slots,
                int n_threads) {
  check_poses(block, poses, n_threads);
  for (std::int64_t i = 0; i < block.n_images(); ++i) {
    if (slots[i] >= n_slots) {
      throw std::invalid_argument("slots must be below " + std::to_string(n_slots) + ", not " +
                                  std::to_string(slots[i]));
    }
    if (slots[i] >= 0) check_pose(poses, i);
  }
  const PolarGrid& grid = block.grid();
  const AngularDft dft(grid);
  std::vector<std::unique_ptr<AlignedTile>> aligned;
  const std::int64_t step = std::min(kTilesPerThread * n_threads, block.n_tiles());
  aligned.reserve(static_cast<std::size_t>(step));
  for (std::int64_t i = 0; i < step; ++i) {
    aligned.push_back(std::make_unique<AlignedTile>(grid, dft));
  }
  const int half = grid.n_half_angles();
  [[maybe_unused]] const int team =
      team_size(n_threads, std::max<std::int64_t>(step, grid.n_rings()));
  for (std::int64_t batch = 0; batch < block.n_tiles(); batch += step) {
    const std::int64_t count = std::min(step, block.n_tiles() - batch);
#pragma omp parallel for schedule(static) num_threads(team)
    for (std::int64_t i = 0; i < count; ++i) {
      const LanePoses lanes = tile_poses(poses, batch + i);
      aligned[static_cast<std::size_t>(i)]->make(block, dft, batch + i, lanes);
    }
    // Each thread owns some rings and adds all images to them in order.
#pragma omp parallel for schedule(static) num_threads(team)
    for (int ring = 0; ring < grid.n_rings(); ++ring) {
      for (std::int64_t i = 0; i < count * kLanes; ++i) {
        const std::int64_t image = batch * kLanes + i;
        if (image >= block.n_images() || slots[image] < 0) continue;
        const float* from = aligned[static_cast<std::size_t>(i / kLanes)]->polar.get() +
                            static_cast<std::int64_t>(ring) * half * 2 * kLanes + i % kLanes;
        std::complex<double>* to =
            sums + (static_cast<std::int64_t>(slots[image]) * grid.n_rings() + ring) * half;
        for (int j = 0; j < half; ++j) {
          to[j] += std::complex<double>(from[j * 2 * kLanes], from[j * 2 * kLanes + kLanes]);
        }
      }
    }
  }
}

void align_members(const ImageBlock& block,
                   const PoseView& poses,
                   std::complex<float>* out,
                   int n_threads) {
  check_poses(block, poses, n_threads);
  for (std::int64_t i = 0; i < poses.n; ++i) check_pose(poses, i);
  const PolarGrid& grid = block.grid();
  const AngularDft dft(grid);
  const int team = team_size(n_threads, block.n_tiles());
  std::vector<std::unique_ptr<AlignedTile>> aligned;
  aligned.reserve(static_cast<std::size_t>(team));
  for (int t = 0; t < team; ++t) aligned.push_back(std::make_unique<AlignedTile>(grid, dft));
  const std::int64_t n_samples = static_cast<std::int64_t>(grid.n_rings()) * grid.n_half_angles();
#pragma omp parallel for schedule(static) num_threads(team)
  for (std::int64_t tile = 0; tile < block.n_tiles(); ++tile) {
    AlignedTile& mine = *aligned[static_cast<std::size_t>(thread_index())];
    mine.make(block, dft, tile, tile_poses(poses, tile));
    for (int lane = 0; lane < kLanes && tile * kLanes + lane < block.n_images(); ++lane) {
      const float* from = mine.polar.get() + lane;
      std::complex<float>* to = out + (tile * kLanes + lane) * n_samples;
      for (std::int64_t i = 0; i < n_samples; ++i) {
        to[i] = {from[i * 2 * kLanes], from[i * 2 * kLanes + kLanes]};
      }
    }
  }
}

}  // namespace cl2d
