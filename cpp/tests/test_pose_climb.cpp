#include "pose_climb.hpp"

#include <doctest/doctest.h>

#include <cmath>

using cl2d::ClimbBounds;
using cl2d::LocalScore;
using cl2d::Pose2D;
using cl2d::PoseClimb;

namespace {

constexpr ClimbBounds kBounds{0.1, 0.5, 3.0};

/// A peak of height 0.8 at zero, by (turn, x, y) in steps; flat far away, as correlations are.
LocalScore peak_at(const Pose2D& pose) {
  const Eigen::Vector3d at(
      pose.psi_rad / kBounds.step_rad, pose.x_px / kBounds.step_px, pose.y_px / kBounds.step_px);
  const double value = 0.8 * std::exp(-0.5 * at.squaredNorm());
  const Eigen::Matrix3d outer = at * at.transpose();
  return {value, -value * at, value * (outer - Eigen::Matrix3d::Identity())};
}

}  // namespace

TEST_CASE("a climb ends at the peak, also from where the curve bends upwards") {
  for (const double psi : {0.0, 0.05, -0.13}) {
    for (const double x : {0.0, 0.3, -0.7}) {
      PoseClimb climb(kBounds, {psi, x, 0.2}, 1);
      int looks = 0;
      while (!climb.is_done() && looks < 20) {
        climb.go_on(peak_at(climb.pose()));
        ++looks;
      }
      REQUIRE(climb.is_done());
      // The last step, below a tenth an axis, is trusted: what is left out is its fourth power / 8.
      CHECK(climb.score() == doctest::Approx(0.8).epsilon(1.2e-4));
      // The last step was below a tenth and left its third power.
      CHECK(std::abs(climb.pose().psi_rad) < 2e-3 * kBounds.step_rad);
      CHECK(std::abs(climb.pose().x_px) < 2e-3 * kBounds.step_px);
    }
  }
}

TEST_CASE("a climb that is stopped lies at the best pose it has seen") {
  PoseClimb climb(kBounds, {0, 0.3, 0}, 1);
  climb.go_on({0.5, {0, 1, 0}, -0.1 * Eigen::Matrix3d::Identity()});
  CHECK(climb.pose().x_px > 0.3);
  climb.go_on({0.2, {0, 1, 0}, -Eigen::Matrix3d::Identity()});
  CHECK(climb.pose().x_px > 0.3);
  climb.stop();
  CHECK(climb.is_done());
  CHECK(climb.pose().x_px == 0.3);
  CHECK(climb.score() == 0.5);
}

TEST_CASE("without a slope nothing moves") {
  PoseClimb climb(kBounds, {1.0, 0.25, -0.5}, -1);
  climb.go_on({0, Eigen::Vector3d::Zero(), Eigen::Matrix3d::Zero()});
  CHECK(climb.is_done());
  CHECK(climb.pose().psi_rad == 1.0);
  CHECK(climb.pose().x_px == 0.25);
  CHECK(climb.score() == 0);
}

TEST_CASE("poses stay in the disc, from the first look on") {
  PoseClimb climb(kBounds, {0, 4, 0}, 1);
  CHECK(climb.pose().x_px == doctest::Approx(3));
  climb.go_on({0.1, {0, 0.5, 0}, -Eigen::Matrix3d::Identity()});
  CHECK(std::hypot(climb.pose().x_px, climb.pose().y_px) < 3 * (1 + 1e-12));
}
