// The way of one image to the pose where it correlates best with its reference.
#pragma once

#include <Eigen/Dense>

namespace cl2d {

struct Pose2D {
  double psi_rad;
  double x_px;
  double y_px;
};

/// A correlation near a pose, by (turn, x, y) of the reference in steps: to second order.
struct LocalScore {
  double value;
  Eigen::Vector3d gradient;
  Eigen::Matrix3d hessian;
};

/// What does not change on the way.
struct ClimbBounds {
  double step_rad;
  double step_px;
  double max_shift_px;
};

/// Newton's method with steps no longer than one step of the grid along any axis.
///
/// Turns are those of the reference about its own centre: turns of the image about the centre of
/// its box would move a particle that lies elsewhere, and the peak would be a ridge along which
/// turn and shift nearly make up for each other.
class PoseClimb {
 public:
  PoseClimb(const ClimbBounds& bounds, const Pose2D& start, double mirror_sign);

  /// Where the correlation is to be looked at next, in the disc; where the image comes to lie once
  /// done.
  const Pose2D& pose() const { return pose_; }
  double score() const { return score_; }
  bool is_done() const { return is_done_; }
  /// Go on from what was found at pose().
  void go_on(const LocalScore& found);
  /// Come to an end where the score is highest.
  void stop();

 private:
  Pose2D moved(const Eigen::Vector3d& step) const;
  Eigen::Vector3d displacement(const Pose2D& to, double turn) const;
  void settle(const Pose2D& pose, double score);

  ClimbBounds bounds_;
  double mirror_sign_;
  Pose2D best_;
  Pose2D pose_{};
  double score_ = -2;  // at the best pose; correlations are at least -1
  double expected_gain_ = 0;
  Eigen::Vector3d step_ = Eigen::Vector3d::Zero();
  bool is_done_ = false;
};

}  // namespace cl2d
