// Twiddle tables of the angular DFT, and the view of a grid that the kernels take.
#pragma once

#include "cl2d/grid.hpp"

#include "kernels/kernels.hpp"

#include <cstdint>
#include <vector>

namespace cl2d {

/// Owns what a kernels::GridView points to; the grid must outlive it.
class AngularDft {
 public:
  explicit AngularDft(const PolarGrid& grid);
  AngularDft(const AngularDft&) = delete;
  AngularDft& operator=(const AngularDft&) = delete;

  const kernels::GridView& view() const { return view_; }
  /// Floats of one tile of polar samples: (n_rings, n_angles / 2, 2, 16).
  std::size_t tile_samples() const;

 private:
  std::vector<int> radices_;
  std::vector<float> twiddles_;
  kernels::GridView view_{};
};

}  // namespace cl2d
