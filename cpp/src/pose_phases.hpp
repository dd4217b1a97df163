// Per-lane phase tables: what turns a rotation or a shift into the numbers the kernels multiply by.
#pragma once

#include "cl2d/grid.hpp"

#include "angular_dft.hpp"

#include <cstdint>

namespace cl2d {

/// Poses of the 16 images of a tile (shift in working pixels, in the frame of the reference).
struct LanePoses {
  double psi_rad[kLanes];
  double shift_x[kLanes];
  double shift_y[kLanes];
  float mirror_sign[kLanes];  // -1 mirrored, +1 not
};

/// Poses of `count` images, 1 to 16, one a lane; lanes without an image repeat the last one.
LanePoses lane_poses(const double* psi_rad,
                     const double* shift_xy,
                     const std::uint8_t* mirror,
                     std::int64_t count);

/// cos and sin of order * psi: (n_orders, 2, 16).
void rotation_phases(const PolarGrid& grid, const double* psi_rad, float* phases);

/// Shifts of 16 images, working pixels. Direction -1 shifts an image by +t, +1 takes the shift
/// back.
struct LaneShifts {
  const double* x;
  const double* y;
  double direction;
};

/// exp(i direction 2 pi k (t . u_theta) / box) for ring k_min (`first`) and from ring to ring
/// (`step`), each (n_angles / 2, 2, 16).
void shift_phases(const PolarGrid& grid,
                  const AngularDft& dft,
                  const LaneShifts& shifts,
                  float* first,
                  float* step);

}  // namespace cl2d
