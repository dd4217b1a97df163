// Exhaustive joint search: every rotation, every listed shift, both mirrors, every reference.
#pragma once

#include "cl2d/image_block.hpp"
#include "cl2d/references.hpp"

#include <cstdint>

namespace cl2d {

struct SearchOptions {
  bool with_mirrors = true;
  int n_threads = 1;
};

/// A run of whole tiles of a block.
struct TileRange {
  std::int64_t first;
  std::int64_t count;
};

/// For every image of the tiles and every reference: the best normalised correlation and where.
///
/// scores and codes are (tiles.count * 16, references.n); code = (shift * 2 + mirror) * n_angles +
/// angle, psi = 2 pi angle / n_angles. Bits do not depend on n_threads. Of equal scores the first
/// shift is kept, and of its poses always the same one. Throws std::invalid_argument on sizes that
/// do not fit.
void search(const ImageBlock& block,
            const TileRange& tiles,
            const ReferenceView& references,
            const ShiftView& shifts,
            const SearchOptions& options,
            float* scores,
            std::int32_t* codes);

/// Throws std::invalid_argument unless the tiles lie in the block and n_threads is positive.
void check_tiles(const ImageBlock& block, const TileRange& tiles, int n_threads);

}  // namespace cl2d
