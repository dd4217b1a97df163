// The same search for a few references of each image instead of all.
#pragma once

#include "cl2d/image_block.hpp"
#include "cl2d/references.hpp"
#include "cl2d/search.hpp"

#include <cstdint>

namespace cl2d {

/// References each image of some tiles is compared with: (tiles.count * 16, n_each), negative for
/// none.
struct ChosenReferences {
  const std::int32_t* numbers;
  std::int64_t n_each;
};

/// For every image and each reference chosen for it: what `search` finds, to the bit.
///
/// scores and codes are (tiles.count * 16, n_each); -1 and 0 where no reference is chosen. Images
/// that share a reference are gathered into tiles, a thread one tile at a time, so that memory does
/// not grow with the number of images. Bits do not depend on n_threads. Throws
/// std::invalid_argument on sizes or numbers that do not fit.
void search_chosen(const ImageBlock& block,
                   const TileRange& tiles,
                   const ReferenceView& references,
                   const ShiftView& shifts,
                   const SearchOptions& options,
                   const ChosenReferences& chosen,
                   float* scores,
                   std::int32_t* codes);

}  // namespace cl2d
