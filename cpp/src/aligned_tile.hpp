// One tile brought into the frame of its references: what updates, refinement and splits start
// from.
#pragma once

#include "cl2d/aligned_buffer.hpp"
#include "cl2d/image_block.hpp"

#include "angular_dft.hpp"
#include "pose_phases.hpp"

#include <cstdint>

namespace cl2d {

/// Scratch of one thread: the 16 aligned polar images and the phase tables.
struct AlignedTile {
  explicit AlignedTile(const PolarGrid& grid, const AngularDft& dft);
  /// Rotate (and mirror) a tile of the block and take the shift back.
  void make(const ImageBlock& block,
            const AngularDft& dft,
            std::int64_t tile,
            const LanePoses& poses) {
    prepare_shifts(block.grid(), dft, poses);
    turn(block.grid(), dft, block.tile(tile, coefficients.get()), poses);
  }
  /// What `turn` needs of the shifts: poses that differ by their angles alone share it.
  void prepare_shifts(const PolarGrid& grid, const AngularDft& dft, const LanePoses& poses);
  void turn(const PolarGrid& grid,
            const AngularDft& dft,
            const float* tile,
            const LanePoses& poses);

  AlignedBuffer coefficients;  // (n_coefficients, 2, 16): a tile that was stored otherwise
  AlignedBuffer polar;         // (n_rings, n_angles / 2, 2, 16)
  AlignedBuffer phases;
  AlignedBuffer first;
  AlignedBuffer step;
  AlignedBuffer workspace;
};

}  // namespace cl2d
