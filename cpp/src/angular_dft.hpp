// Twiddle tables of the angular DFT, and the view of a grid that the kernels take.
#pragma once

#include "cl2d/grid.hpp"

#include "kernels/kernels.hpp"

#include <cstdint>
#include <vector>

namespace cl2d {

/// Stages and twiddles of a DFT whose length has no prime factor above 5.
struct DftTables {
  explicit DftTables(int n);
  kernels::DftPlan plan() const;

  int length;
  std::vector<int> radices;
  std::vector<float> twiddles;
};

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
  DftTables whole_;
  DftTables half_;
  std::vector<float> turns_;
  kernels::GridView view_{};
};

}  // namespace cl2d
