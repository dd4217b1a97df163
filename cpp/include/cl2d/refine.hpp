// Sub-grid poses: a quadratic through the 27 neighbours of a pose, each scored exactly.
#pragma once

#include "cl2d/image_block.hpp"
#include "cl2d/references.hpp"
#include "cl2d/search.hpp"

#include <cstdint>

namespace cl2d {

struct RefineOptions {
  double step_rad;      // distance of the neighbours in rotation
  double step_px;       // and in shift, working pixels
  int n_rounds;         // each round starts from the last result with steps a third as long
  double max_shift_px;  // results are kept in this disc
  int n_threads = 1;
};

/// Poses of the images of some tiles against one reference each, refined in place.
struct RefinedPoses {
  const std::int32_t* references;  // (n), negative: leave the image alone
  double* psi_rad;                 // (n) in/out
  double* shift_xy;                // (n, 2) in/out
  const std::uint8_t* mirror;      // (n)
  float* scores;                   // (n) out: the correlation at the refined pose
};

/// Refine rotation and shift of every image of the tiles; arrays begin at the first tile's image
/// and hold min(16 * tiles.count, images left) rows. Bits do not depend on n_threads.
void refine(const ImageBlock& block,
            const TileRange& tiles,
            const ReferenceView& references,
            const RefineOptions& options,
            const RefinedPoses& poses);

}  // namespace cl2d
