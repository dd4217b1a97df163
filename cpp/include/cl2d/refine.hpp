// Sub-grid poses: Newton steps on the exact slopes of the correlation.
#pragma once

#include "cl2d/image_block.hpp"
#include "cl2d/references.hpp"
#include "cl2d/search.hpp"

#include <cstdint>

namespace cl2d {

struct RefineOptions {
  double step_rad;  // the longest step in rotation: that of the search's grid
  double step_px;   // and in shift, working pixels
  int n_rounds;     // how often an image is turned at most; most are at their peak by the second
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
///
/// With the image brought into the frame of its reference, derivatives of the correlation by turns
/// and shifts of the reference are sums over one product, the derivatives of the reference by the
/// angle being known (`cpp/src/pose_climb.hpp` says how steps are taken). No image ends lower than
/// it began.
void refine(const ImageBlock& block,
            const TileRange& tiles,
            const ReferenceView& references,
            const RefineOptions& options,
            const RefinedPoses& poses);

}  // namespace cl2d
