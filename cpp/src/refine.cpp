#include "cl2d/refine.hpp"

#include "cl2d/threads.hpp"

#include "aligned_tile.hpp"

#include <Eigen/Dense>

#include <algorithm>
#include <cmath>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace cl2d {
namespace {

// How far beyond its outermost points, at 1, the quadratic is followed.
constexpr double kFarthestStep = 1.5;

struct RefineScratch {
  RefineScratch(const PolarGrid& grid, const AngularDft& dft)
      : image(grid, dft), reference(make_aligned_buffer(dft.tile_samples())) {}
  AlignedTile image;
  AlignedBuffer reference;
  float scores[3][9][kLanes] = {};
};

/// Phase of one step in x (axis 0) or y (axis 1) at every polar sample, as cos and sin.
std::vector<float> step_phases(const PolarGrid& grid, double step_px, int axis) {
  std::vector<float> phases;
  const double two_pi = 2 * std::acos(-1.0);
  for (int ring = 0; ring < grid.n_rings(); ++ring) {
    for (int j = 0; j < grid.n_half_angles(); ++j) {
      const double theta = two_pi * j / grid.n_angles();
      const double along = axis == 0 ? std::cos(theta) : std::sin(theta);
      const double phase = two_pi * (grid.k_min() + ring) * step_px * along / grid.box_px();
      phases.push_back(static_cast<float>(std::cos(phase)));
      phases.push_back(static_cast<float>(std::sin(phase)));
    }
  }
  return phases;
}

/// Where the least-squares quadratic through values on {-1, 0, 1}^3 (axes psi, y, x) has its
/// maximum, in steps; the best of the 27 points where it has none nearby.
Eigen::Vector3d fit_peak(const float (&scores)[3][9][kLanes], int lane) {
  double sum = 0, best = scores[1][4][lane];
  Eigen::Vector3d gradient = Eigen::Vector3d::Zero(), best_at = Eigen::Vector3d::Zero();
  Eigen::Matrix3d moment = Eigen::Matrix3d::Zero();
  for (int i = 0; i < 27; ++i) {
    const int turn = i / 9 - 1, row = i / 3 % 3 - 1, column = i % 3 - 1;
    const Eigen::Vector3d at(turn, row, column);
    const double value = scores[i / 9][i % 9][lane];
    if (value > best) best = value, best_at = at;
    sum += value;
    gradient += value * at;
    moment += value * at * at.transpose();
  }
  gradient /= 18;                         // sum of x^2 over the 27 points
  Eigen::Matrix3d hessian = moment / 12;  // sum of x^2 y^2
  hessian.diagonal() = (moment.diagonal().array() - sum * 2 / 3) / 3;  // twice the x^2 term
  const Eigen::LLT<Eigen::Matrix3d> factor(-hessian);
  if (factor.info() != Eigen::Success) return best_at;
  const Eigen::Vector3d step = factor.solve(gradient);
  // Rotation and shift of a particle that is heavy on one side nearly make up for each other: the
  // peak is a ridge, along which it may be far. The next round goes on from here.
  return step / std::max(1.0, step.cwiseAbs().maxCoeff() / kFarthestStep);
}

void gather_references(const PolarGrid& grid,
                       const ReferenceView& references,
                       const std::int32_t (&chosen)[kLanes],
                       float* out) {
  const std::int64_t n_samples = static_cast<std::int64_t>(grid.n_rings()) * grid.n_half_angles();
  for (int lane = 0; lane < kLanes; ++lane) {
    if (chosen[lane] < 0) {
      for (std::int64_t i = 0; i < n_samples; ++i) {
        out[i * 2 * kLanes + lane] = out[i * 2 * kLanes + kLanes + lane] = 0;
      }
      continue;
    }
    const std::complex<float>* from = references.samples + chosen[lane] * n_samples;
    for (std::int64_t i = 0; i < n_samples; ++i) {
      out[i * 2 * kLanes + lane] = from[i].real();
      out[i * 2 * kLanes + kLanes + lane] = from[i].imag();
    }
  }
}

struct Steps {
  double rad;
  double px;
  std::vector<float> x;
  std::vector<float> y;
};

/// Scores of one tile at nine shifts around the poses, turned by some angle, into scores[turn]; the
/// shifts of the poses must have been prepared.
void score_shifts(const PolarGrid& grid,
                  const AngularDft& dft,
                  const float* tile,
                  const Steps& steps,
                  int turn,
                  const LanePoses& poses,
                  RefineScratch& scratch) {
  LanePoses turned = poses;
  for (double& psi : turned.psi_rad) psi += (turn - 1) * steps.rad;
  // The shift belongs to the frame of the reference, so it does not turn with psi.
  scratch.image.turn(grid, dft, tile, turned);
  kernels::active_table().neighbours(dft.view(),
                                     {scratch.image.polar.get(),
                                      scratch.reference.get(),
                                      steps.x.data(),
                                      steps.y.data(),
                                      &scratch.scores[turn][0][0]});
}

/// One round for one tile: 27 scores a lane, then a step to the fitted peak.
void refine_round(const PolarGrid& grid,
                  const AngularDft& dft,
                  const float* tile,
                  const Steps& steps,
                  double max_shift_px,
                  LanePoses& poses,
                  RefineScratch& scratch) {
  scratch.image.prepare_shifts(grid, poses);
  for (int turn = 0; turn < 3; ++turn) {
    score_shifts(grid, dft, tile, steps, turn, poses, scratch);
  }
  for (int lane = 0; lane < kLanes; ++lane) {
    const Eigen::Vector3d peak = fit_peak(scratch.scores, lane);
    poses.psi_rad[lane] += peak[0] * steps.rad;
    double& x = poses.shift_x[lane];
    double& y = poses.shift_y[lane];
    y += peak[1] * steps.px;
    x += peak[2] * steps.px;
    const double length = std::hypot(x, y);
    if (length > max_shift_px) {
      x *= max_shift_px / length;
      y *= max_shift_px / length;
    }
  }
}

}  // namespace

void refine(const ImageBlock& block,
            const TileRange& tiles,
            const ReferenceView& references,
            const RefineOptions& options,
            const RefinedPoses& poses) {
  check_tiles(block, tiles, options.n_threads);
  if (!(options.step_rad > 0) || !(options.step_px > 0) || options.n_rounds < 1) {
    throw std::invalid_argument("refinement steps and rounds must be positive");
  }
  if (!(options.max_shift_px >= 0)) {
    throw std::invalid_argument("max_shift_px must not be negative, not " +
                                std::to_string(options.max_shift_px));
  }
  const PolarGrid& grid = block.grid();
  const std::int64_t n = std::min(tiles.count * kLanes, block.n_images() - tiles.first * kLanes);
  for (std::int64_t i = 0; i < n; ++i) {
    if (poses.references[i] >= references.n) {
      throw std::invalid_argument("references must be below " + std::to_string(references.n) +
                                  ", not " + std::to_string(poses.references[i]));
    }
  }
  const AngularDft dft(grid);
  std::vector<Steps> rounds;
  rounds.reserve(static_cast<std::size_t>(options.n_rounds));
  for (int round = 0; round < options.n_rounds; ++round) {
    const double shrink = std::pow(3.0, -round);
    const double px = options.step_px * shrink;
    rounds.push_back(
        {options.step_rad * shrink, px, step_phases(grid, px, 0), step_phases(grid, px, 1)});
  }
  std::vector<std::unique_ptr<RefineScratch>> scratch;
  scratch.reserve(static_cast<std::size_t>(options.n_threads));
  for (int t = 0; t < options.n_threads; ++t) {
    scratch.push_back(std::make_unique<RefineScratch>(grid, dft));
  }
#pragma omp parallel for schedule(static) num_threads(options.n_threads)
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
    gather_references(grid, references, chosen, mine.reference.get());
    const float* images = block.tile(tiles.first + tile, mine.image.coefficients.get());
    for (const Steps& steps : rounds) {
      refine_round(grid, dft, images, steps, options.max_shift_px, lanes, mine);
    }
    // The correlation where the pose came to lie, which no fit knows exactly.
    mine.image.prepare_shifts(grid, lanes);
    score_shifts(grid, dft, images, rounds.back(), 1, lanes, mine);
    for (std::int64_t lane = 0; lane < count; ++lane) {
      if (chosen[lane] < 0) continue;
      poses.psi_rad[first + lane] = lanes.psi_rad[lane];
      poses.shift_xy[2 * (first + lane)] = lanes.shift_x[lane];
      poses.shift_xy[2 * (first + lane) + 1] = lanes.shift_y[lane];
      poses.scores[first + lane] = mine.scores[1][4][lane];
    }
  }
}

}  // namespace cl2d
