// Views of what a search is run against: references on the polar grid and the list of shifts.
#pragma once

#include <complex>
#include <cstdint>

namespace cl2d {

/// Class averages on the polar grid: (n, n_rings, n_angles / 2) complex64, ring weights folded in
/// as square roots, norm 1 (mean over angles of |.|^2 summed over rings).
struct ReferenceView {
  const std::complex<float>* samples;
  std::int64_t n;
};

/// Candidate shifts (n, 2) as (x, y) in working pixels, in the frame of the reference.
struct ShiftView {
  const double* xy;
  std::int64_t n;
};

}  // namespace cl2d
