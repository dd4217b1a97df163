#include "pose_phases.hpp"

#include <algorithm>
#include <cmath>
#include <complex>

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
  for (int lane = 0; lane < kLanes; ++lane) {
    const std::complex<double> step = std::polar(1.0, psi_rad[lane]);
    std::complex<double> phase = 1;
    for (int m = 0; m < grid.n_orders(); ++m) {
      phases[m * 2 * kLanes + lane] = static_cast<float>(phase.real());
      phases[m * 2 * kLanes + kLanes + lane] = static_cast<float>(phase.imag());
      phase *= step;
    }
  }
}

void shift_phases(const PolarGrid& grid,
                  const double* shift_x,
                  const double* shift_y,
                  double direction,
                  float* first,
                  float* step) {
  const double two_pi = 2 * std::acos(-1.0);
  for (int j = 0; j < grid.n_half_angles(); ++j) {
    const double theta = two_pi * j / grid.n_angles();
    const double x = std::cos(theta), y = std::sin(theta);
    for (int lane = 0; lane < kLanes; ++lane) {
      const double phase =
          direction * two_pi * (shift_x[lane] * x + shift_y[lane] * y) / grid.box_px();
      const int at = j * 2 * kLanes + lane;
      step[at] = static_cast<float>(std::cos(phase));
      step[at + kLanes] = static_cast<float>(std::sin(phase));
      if (grid.k_min() == 1) {  // nearly always, and sines are most of the work
        first[at] = step[at];
        first[at + kLanes] = step[at + kLanes];
        continue;
      }
      first[at] = static_cast<float>(std::cos(grid.k_min() * phase));
      first[at + kLanes] = static_cast<float>(std::sin(grid.k_min() * phase));
    }
  }
}

}  // namespace cl2d
