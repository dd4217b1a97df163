#include "pose_climb.hpp"

#include <algorithm>
#include <cmath>

namespace cl2d {
namespace {

// Steps below this are taken on trust: what third derivatives add to the score is its third power.
constexpr double kTrusted = 0.1;
// Scores are sums in float: what is lower by less is not lower.
constexpr double kRounding = 1e-6;
constexpr double kLeastCurvature = 1e-3;  // of the greatest

/// Where a quadratic has its peak; where it has none, uphill by the size of its curvatures.
Eigen::Vector3d uphill(const LocalScore& found) {
  Eigen::Vector3d step;
  const Eigen::LLT<Eigen::Matrix3d> factor(-found.hessian);
  if (factor.info() == Eigen::Success) {
    step = factor.solve(found.gradient);
  } else {
    const Eigen::SelfAdjointEigenSolver<Eigen::Matrix3d> solver(found.hessian);
    const Eigen::Vector3d curvatures = solver.eigenvalues().cwiseAbs();
    const double least = kLeastCurvature * curvatures.maxCoeff();
    if (!(least > 0)) return Eigen::Vector3d::Zero();
    const Eigen::Vector3d along = solver.eigenvectors().transpose() * found.gradient;
    step = solver.eigenvectors() * along.cwiseQuotient(curvatures.cwiseMax(least));
  }
  return step / std::max(1.0, step.cwiseAbs().maxCoeff());
}

}  // namespace

PoseClimb::PoseClimb(const ClimbBounds& bounds, const Pose2D& start, double mirror_sign)
    : bounds_(bounds), mirror_sign_(mirror_sign), best_(start) {
  pose_ = best_ = moved(step_);  // into the disc
}

void PoseClimb::go_on(const LocalScore& found) {
  if (is_done_) return;
  if (!std::isfinite(found.value)) {  // no way leads up from there
    settle(best_, found.value);
    return;
  }
  if (found.value < score_ - kRounding) {  // too far: the quadratic did not hold
    step_ /= 3;
    expected_gain_ = 0;
    pose_ = moved(step_);
    if (step_.cwiseAbs().maxCoeff() < kTrusted) settle(best_, score_);
    return;
  }
  best_ = pose_;
  score_ = found.value;
  step_ = uphill(found);
  pose_ = moved(step_);
  const Eigen::Vector3d gone = displacement(pose_, step_[0]);
  expected_gain_ = found.gradient.dot(gone) + 0.5 * gone.dot(found.hessian * gone);
  if (gone.cwiseAbs().maxCoeff() < kTrusted) stop();
}

void PoseClimb::stop() {
  if (is_done_) return;
  if (expected_gain_ > 0 && step_.cwiseAbs().maxCoeff() < 2 * kTrusted) {
    settle(pose_, score_ + expected_gain_);
  } else {
    settle(best_, score_);
  }
}

/// The best pose after a step: turn and shift belong to the frame of the reference, and the shift
/// stays in its disc.
Pose2D PoseClimb::moved(const Eigen::Vector3d& step) const {
  const double turn = step[0] * bounds_.step_rad;
  const double x = best_.x_px + step[1] * bounds_.step_px;
  const double y = best_.y_px + step[2] * bounds_.step_px;
  const double length = std::hypot(x, y);
  const double scale = length > bounds_.max_shift_px ? bounds_.max_shift_px / length : 1.0;
  const double c = scale * std::cos(turn), s = scale * std::sin(turn);
  return {best_.psi_rad + mirror_sign_ * turn, c * x - s * y, s * x + c * y};
}

/// The step from the best pose to another that differs by a turn.
Eigen::Vector3d PoseClimb::displacement(const Pose2D& to, double turn) const {
  const double c = std::cos(turn * bounds_.step_rad), s = std::sin(turn * bounds_.step_rad);
  return {turn,
          (c * to.x_px + s * to.y_px - best_.x_px) / bounds_.step_px,
          (c * to.y_px - s * to.x_px - best_.y_px) / bounds_.step_px};
}

void PoseClimb::settle(const Pose2D& pose, double score) {
  pose_ = best_ = pose;
  score_ = score;
  is_done_ = true;
}

}  // namespace cl2d
