#include "pose_phases.hpp"

#include <algorithm>
#include <cmath>

namespace cl2d {

LanePoses lane_poses(const double* psi_rad,
                     const double* shift_xy,
                     const std::uint8_t* mirror,
                     std::int64_t count) {
  LanePoses lanes{};
  for (int lane = 0; lane < kLanes; ++lane) {
    const std::int64_t i = std::min<std::int64_t>(lane, count - 1);
    lanes.psi_rad[lane] = psi_rad[i];
    lanes.shift_x[lane] = shift_xy[2 * i];
    lanes.shift_y[lane] = shift_xy[2 * i + 1];
    lanes.mirror_sign[lane] = mirror[i] != 0 ? -1.0F : 1.0F;
  }
  return lanes;
}

void rotation_phases(const PolarGrid& grid, const double* psi_rad, float* phases) {
  double cosine[kLanes], sine[kLanes], re[kLanes], im[kLanes];
  for (int lane = 0; lane < kLanes; ++lane) {
    cosine[lane] = std::cos(psi_rad[lane]);
    sine[lane] = std::sin(psi_rad[lane]);
    re[lane] = 1;
    im[lane] = 0;
  }
  for (int m = 0; m < grid.n_orders(); ++m) {
    float* to = phases + m * 2 * kLanes;
    for (int lane = 0; lane < kLanes; ++lane) {
      to[lane] = static_cast<float>(re[lane]);
      to[kLanes + lane] = static_cast<float>(im[lane]);
      const double next = re[lane] * cosine[lane] - im[lane] * sine[lane];
      im[lane] = re[lane] * sine[lane] + im[lane] * cosine[lane];
      re[lane] = next;
    }
  }
}

void shift_phases(const PolarGrid& grid,
                  const AngularDft& dft,
                  const LaneShifts& shifts,
                  float* first,
                  float* step) {
  const double rad_per_px = shifts.direction * 2 * std::acos(-1.0) / grid.box_px();
  float x_rad[kLanes], y_rad[kLanes];
  for (int lane = 0; lane < kLanes; ++lane) {
    x_rad[lane] = static_cast<float>(rad_per_px * shifts.x[lane]);
    y_rad[lane] = static_cast<float>(rad_per_px * shifts.y[lane]);
  }
  kernels::active_table().shift_phases(
      dft.view(), {x_rad, y_rad, static_cast<float>(grid.k_min()), first, step});
}

}  // namespace cl2d
