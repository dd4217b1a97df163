// Poses that can be meant: what is not a number would spread into everything it is added to.
#pragma once

#include <cmath>

namespace cl2d {

/// Beyond this a shift in pixels is an error somewhere else, and positions lose their digits.
constexpr double kLargestShiftPx = 1e6;

/// Written so that a shift that is not a number fails as well.
inline bool is_usable_shift(const double* xy) {
  return std::abs(xy[0]) <= kLargestShiftPx && std::abs(xy[1]) <= kLargestShiftPx;
}

inline bool is_usable_pose(double psi_rad, const double* shift_xy) {
  return std::isfinite(psi_rad) && is_usable_shift(shift_xy);
}

}  // namespace cl2d
