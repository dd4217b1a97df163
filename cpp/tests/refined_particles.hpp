// Particles of known pose with their reference: what the tests of refinement start from.
#pragma once

#include "cl2d/refine.hpp"
#include "cl2d/update.hpp"

#include "search_inputs.hpp"

#include <array>
#include <cmath>
#include <complex>
#include <cstdint>
#include <random>
#include <vector>

namespace cl2d::testing::refinement {

using cl2d::ImageBlock;
using cl2d::PolarGrid;
using cl2d::RefineOptions;

constexpr double kDegree = cl2d::slow::kTwoPi / 360;
constexpr int kBox = 32;
inline const PolarGrid kGrid(kBox, 1, 12, 12.0);
inline const RefineOptions kOptions{cl2d::slow::kTwoPi / kGrid.n_angles(), 0.5, 4, 4.0, 1};

struct Pose {
  double psi_rad;
  double x;
  double y;
  bool mirror;
};

/// Blobs without symmetry, drawn where `pose` puts them: ref(F R x - t) of round Gaussians.
inline Image blobs(const Pose& pose, unsigned seed) {
  std::mt19937 generator(seed);
  std::uniform_real_distribution<double> place(-6, 6), weight(-1, 1);
  Image image(kBox * kBox);
  for (int blob = 0; blob < 12; ++blob) {
    const double centre_x = place(generator), centre_y = place(generator), w = weight(generator);
    for (int row = 0; row < kBox; ++row) {
      for (int column = 0; column < kBox; ++column) {
        const double x = column - kBox / 2, y = row - kBox / 2;
        const double c = std::cos(pose.psi_rad), s = std::sin(pose.psi_rad);
        const double p_x = (c * x - s * y) * (pose.mirror ? -1 : 1) - pose.x;
        const double p_y = s * x + c * y - pose.y;
        const double square = std::pow(p_x - centre_x, 2) + std::pow(p_y - centre_y, 2);
        image[static_cast<std::size_t>(row * kBox + column)] +=
            w * std::exp(-square / (2 * 1.5 * 1.5));
      }
    }
  }
  return image;
}

inline std::vector<Pose> random_poses(int n, double max_shift_px) {
  std::mt19937 generator(61);
  std::uniform_real_distribution<double> uniform(0, 1);
  std::vector<Pose> poses;
  for (int i = 0; i < n; ++i) {
    const double length = max_shift_px * std::sqrt(uniform(generator));
    const double direction = cl2d::slow::kTwoPi * uniform(generator);
    poses.push_back({cl2d::slow::kTwoPi * uniform(generator),
                     length * std::cos(direction),
                     length * std::sin(direction),
                     i % 2 == 1});
  }
  return poses;
}

/// Poses as arrays, one for each image of a block.
struct State {
  explicit State(const std::vector<Pose>& poses) {
    for (const Pose& pose : poses) {
      psi_rad.push_back(pose.psi_rad);
      shift_px.push_back({pose.x, pose.y});
      mirror.push_back(pose.mirror ? 1 : 0);
    }
    references.assign(poses.size(), 0);
    scores.assign(poses.size(), -5.0F);
  }
  cl2d::RefinedPoses view() {
    return {references.data(), psi_rad.data(), numbers_of(shift_px), mirror.data(), scores.data()};
  }
  bool operator==(const State& other) const {
    return psi_rad == other.psi_rad && shift_px == other.shift_px && scores == other.scores;
  }

  std::vector<std::int32_t> references;
  std::vector<double> psi_rad;
  Shifts shift_px;
  std::vector<std::uint8_t> mirror;
  std::vector<float> scores;
};

/// Angle between two rotations, radians.
inline double turned(double a, double b) {
  return std::abs(std::remainder(a - b, cl2d::slow::kTwoPi));
}

/// The correlation at exactly these poses, by members that are aligned and multiplied.
inline std::vector<double> exact_scores(const ImageBlock& block,
                                        const Samples& reference,
                                        const State& state) {
  Samples members(static_cast<std::size_t>(block.n_images()) * reference.size());
  cl2d::align_members(
      block,
      {state.psi_rad.data(), numbers_of(state.shift_px), state.mirror.data(), block.n_images()},
      members.data(),
      1);
  std::vector<double> scores(static_cast<std::size_t>(block.n_images()));
  for (std::size_t i = 0; i < members.size(); ++i) {
    const std::complex<double> member(members[i]), met(reference[i % reference.size()]);
    scores[i / reference.size()] += (std::conj(member) * met).real() / block.grid().n_half_angles();
  }
  return scores;
}

/// Particles of known pose with their reference, and poses of the search's grid near the true ones.
struct Particles {
  explicit Particles(int n, double max_shift_px = 3.5)
      : truth(random_poses(n, max_shift_px)), block(make_block()), start(near(truth)) {
    const cl2d::slow::Search search = slow_search(kGrid, weights(), {});
    reference = references_of(polar_of({blobs({0, 0, 0, false}, 62)}, kBox, search), search);
  }
  static std::vector<double> weights() {
    std::vector<double> weights;
    for (int k = kGrid.k_min(); k <= kGrid.k_max(); ++k) weights.push_back(k);
    return weights;
  }
  ImageBlock make_block() const {
    std::vector<Image> images;
    for (const Pose& pose : truth) images.push_back(blobs(pose, 62));
    return block_of(kGrid, images, weights());
  }
  static std::vector<Pose> near(std::vector<Pose> poses) {
    for (Pose& pose : poses) {
      pose.psi_rad = std::round(pose.psi_rad / kOptions.step_rad) * kOptions.step_rad;
      pose.x = std::round(pose.x);
      pose.y = std::round(pose.y);
    }
    return poses;
  }
  State refined(const RefineOptions& options = kOptions) const {
    State state(start);
    cl2d::refine(block, {0, block.n_tiles()}, view_of(reference, kGrid), options, state.view());
    return state;
  }

  std::vector<Pose> truth;
  ImageBlock block;
  std::vector<Pose> start;
  Samples reference;
};

}  // namespace cl2d::testing::refinement
