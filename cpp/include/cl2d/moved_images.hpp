// Images of a block moved by a shift each: what a search near their last centres starts from.
#pragma once

#include "cl2d/image_block.hpp"
#include "cl2d/search.hpp"

namespace cl2d {

/// A block of tiles.count * 16 images: those of the tiles, each moved by its shift (n, 2) as (x,
/// y), working pixels; rows beyond the last image are not read.
///
/// Orders that the grid does not hold are lost, which a moved image has a few of; the rest keeps
/// its scale. Bits do not depend on n_threads. Throws std::invalid_argument on sizes that do not
/// fit.
ImageBlock moved_images(const ImageBlock& block,
                        const TileRange& tiles,
                        const double* shift_xy,
                        int n_threads);

}  // namespace cl2d
