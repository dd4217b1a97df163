#include "cl2d/refine.hpp"

#include "cl2d/threads.hpp"

#include "aligned_tile.hpp"
#include "pose_climb.hpp"
#include "reference_slopes.hpp"
#include "team.hpp"
#include "usable_pose.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace cl2d {
namespace {

/// Most images are at their peak by the second round; so many are a mistake.
constexpr int kMostRounds = 1000;

struct RefineScratch {
  RefineScratch(const PolarGrid& grid, const AngularDft& dft)
      : image(grid, dft),
        reference(make_aligned_buffer(dft.tile_samples() / 2 * ReferenceSlopes::kParts)) {
    for (std::int32_t& one : chosen) one = -1;  // the zeros of a new buffer
    climbs.reserve(kLanes);
  }
  void gather(const ReferenceSlopes& references, const std::int32_t (&wanted)[kLanes]) {
    if (std::equal(wanted, wanted + kLanes, chosen)) return;
    std::copy(wanted, wanted + kLanes, chosen);
    references.gather(chosen, reference.get());
  }
  AlignedTile image;
  AlignedBuffer reference;
  std::int32_t chosen[kLanes];
  float sums[10][kLanes] = {};
  std::vector<PoseClimb> climbs;
};

void check_refinement(const RefineOptions& options) {
  if (!(options.step_rad > 0) || !(options.step_px > 0) || std::isinf(options.step_rad) ||
      std::isinf(options.step_px)) {
    throw std::invalid_argument("refinement steps must be finite and positive");
  }
  if (options.n_rounds < 1 || options.n_rounds > kMostRounds) {
    throw std::invalid_argument("n_rounds must be from 1 to " + std::to_string(kMostRounds) +
                                ", not " + std::to_string(options.n_rounds));
  }
  if (!(options.max_shift_px >= 0) || std::isinf(options.max_shift_px)) {
    throw std::invalid_argument("max_shift_px must be finite and not negative, not " +
                                std::to_string(options.max_shift_px));
  }
}

void check_poses(const RefinedPoses& poses, std::int64_t n, std::int64_t n_references) {
  for (std::int64_t i = 0; i < n; ++i) {
    if (poses.references[i] < 0) continue;
    if (poses.references[i] >= n_references) {
      throw std::invalid_argument("references must be below " + std::to_string(n_references) +
                                  ", not " + std::to_string(poses.references[i]));
    }
    if (!is_usable_pose(poses.psi_rad[i], poses.shift_xy + 2 * i)) {
      throw std::invalid_argument("pose of image " + std::to_string(i) +
                                  " must be finite with a shift of at most 1e6 pixels");
    }
  }
}

/// What the kernel found for one lane, in steps of the grid.
LocalScore local_score(const float (&sums)[10][kLanes], int lane, double step_rad, double step) {
  const auto at = [&](int i) { return static_cast<double>(sums[i][lane]); };
  const Eigen::Vector3d steps(step_rad, step, step);
  LocalScore found{at(0), {at(1), at(2), at(3)}, {}};
  found.hessian << at(4), at(5), at(6), at(5), at(7), at(8), at(6), at(8), at(9);
  found.gradient.array() *= steps.array();
  found.hessian.array() *= (steps * steps.transpose()).array();
  return found;
}

/// Climbs of the images of one tile, a turn of all of them at a time until the last is done.
class TileRefinement {
 public:
  TileRefinement(const ImageBlock& block, const AngularDft& dft, const RefineOptions& options)
      : block_(block), dft_(dft), options_(options) {}

  /// Leaves the climbs in the scratch, which has room for them: nothing here may throw.
  void climb(std::int64_t tile, const LanePoses& start, RefineScratch& scratch) const {
    const ClimbBounds bounds{options_.step_rad, options_.step_px, options_.max_shift_px};
    std::vector<PoseClimb>& climbs = scratch.climbs;
    climbs.clear();
    for (int lane = 0; lane < kLanes; ++lane) {
      const Pose2D pose{start.psi_rad[lane], start.shift_x[lane], start.shift_y[lane]};
      climbs.emplace_back(bounds, pose, start.mirror_sign[lane]);
    }
    // Halves are decoded once, however many looks follow.
    const float* images = block_.tile(tile, scratch.image.coefficients.get());
    LanePoses poses = start;
    const auto is_done = [](const PoseClimb& climb) { return climb.is_done(); };
    for (int round = 0; round < options_.n_rounds; ++round) {
      for (int lane = 0; lane < kLanes; ++lane) {
        const Pose2D& next = climbs[static_cast<std::size_t>(lane)].pose();
        poses.psi_rad[lane] = next.psi_rad;
        poses.shift_x[lane] = next.x_px;
        poses.shift_y[lane] = next.y_px;
      }
      look(images, poses, scratch);
      if (std::all_of(climbs.begin(), climbs.end(), is_done)) break;
    }
    for (PoseClimb& one : climbs) one.stop();
  }

 private:
  void look(const float* images, const LanePoses& poses, RefineScratch& scratch) const {
    AlignedTile& image = scratch.image;
    const PolarGrid& grid = block_.grid();
    image.prepare_shifts(grid, dft_, poses);
    rotation_phases(grid, poses.psi_rad, image.phases.get());
    kernels::active_table().slopes(
        dft_.view(),
        {{images, image.phases.get(), poses.mirror_sign, image.workspace.get(), nullptr},
         image.first.get(),
         image.step.get(),
         scratch.reference.get(),
         static_cast<float>(grid.k_min()),
         &scratch.sums[0][0]});
    const double step = options_.step_px * 2 * std::acos(-1.0) / grid.box_px();
    for (int lane = 0; lane < kLanes; ++lane) {
      scratch.climbs[static_cast<std::size_t>(lane)].go_on(
          local_score(scratch.sums, lane, options_.step_rad, step));
    }
  }

  const ImageBlock& block_;
  const AngularDft& dft_;
  const RefineOptions& options_;
};

}  // namespace

void refine(const ImageBlock& block,
            const TileRange& tiles,
            const ReferenceView& references,
            const RefineOptions& options,
            const RefinedPoses& poses) {
  check_tiles(block, tiles, options.n_threads);
  check_refinement(options);
  const PolarGrid& grid = block.grid();
  const std::int64_t n = std::min(tiles.count * kLanes, block.n_images() - tiles.first * kLanes);
  check_poses(poses, n, references.n);
  const AngularDft dft(grid);
  const ReferenceSlopes slopes(dft, references, poses.references, n);
  const TileRefinement refinement(block, dft, options);
  std::vector<std::unique_ptr<RefineScratch>> scratch;
  const int team = team_size(options.n_threads, tiles.count);
  scratch.reserve(static_cast<std::size_t>(team));
  for (int t = 0; t < team; ++t) {
    scratch.push_back(std::make_unique<RefineScratch>(grid, dft));
  }
#pragma omp parallel for schedule(static) num_threads(team)
  for (std::int64_t tile = 0; tile < tiles.count; ++tile) {
    RefineScratch& mine = *scratch[static_cast<std::size_t>(thread_index())];
    const std::int64_t first = tile * kLanes;
    const std::int64_t count = std::min<std::int64_t>(kLanes, n - first);
    LanePoses lanes =
        lane_poses(poses.psi_rad + first, poses.shift_xy + 2 * first, poses.mirror + first, count);
    std::int32_t chosen[kLanes];
    for (std::int64_t lane = 0; lane < kLanes; ++lane) {
      chosen[lane] = lane < count ? poses.references[first + lane] : -1;
    }
    mine.gather(slopes, chosen);
    refinement.climb(tiles.first + tile, lanes, mine);
    for (std::int64_t lane = 0; lane < count; ++lane) {
      if (chosen[lane] < 0) continue;
      const PoseClimb& climb = mine.climbs[static_cast<std::size_t>(lane)];
      poses.psi_rad[first + lane] = climb.pose().psi_rad;
      poses.shift_xy[2 * (first + lane)] = climb.pose().x_px;
      poses.shift_xy[2 * (first + lane) + 1] = climb.pose().y_px;
      poses.scores[first + lane] = static_cast<float>(climb.score());
    }
  }
}

}  // namespace cl2d
