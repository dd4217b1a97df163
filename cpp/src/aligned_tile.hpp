// One tile brought into the frame of its references: what updates, refinement and splits start
// from.
#pragma once

#include "cl2d/aligned_buffer.hpp"

#include "angular_dft.hpp"
#include "pose_phases.hpp"

namespace cl2d {

/// Scratch of one thread: the 16 aligned polar images and the phase tables.
struct AlignedTile {
  explicit AlignedTile(const PolarGrid& grid, const AngularDft& dft);
  /// Rotate (and mirror) the tile and take the shift back.
  void make(const PolarGrid& grid,
            const AngularDft& dft,
            const float* tile,
            const LanePoses& poses) {
    prepare_shifts(grid, dft, poses);
    turn(grid, dft, tile, poses);
  }
  /// What `turn` needs of the shifts: poses that differ by their angles alone share it.
  void prepare_shifts(const PolarGrid& grid, const AngularDft& dft, const LanePoses& poses);
  void turn(const PolarGrid& grid,
            const AngularDft& dft,
            const float* tile,
            const LanePoses& poses);

  AlignedBuffer polar;  // (n_rings, n_angles / 2, 2, 16)
  AlignedBuffer phases;
  AlignedBuffer first;
  AlignedBuffer step;
  AlignedBuffer workspace;
};

}  // namespace cl2d
