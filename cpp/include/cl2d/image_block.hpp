// A fixed run of images as tiles of polar Fourier coefficients: the operand of the whole run.
#pragma once

#include "cl2d/aligned_buffer.hpp"
#include "cl2d/grid.hpp"

#include <cstdint>
#include <vector>

namespace cl2d {

/// Coefficients of n images, 16 to a tile: (n_tiles, n_coefficients, 2, 16) with p + q and p - q of
/// each coefficient p + iq (order 0 is real and holds p twice). Ring weights are folded in as their
/// square roots and each image has norm 1, so that inner products are normalised correlations; an
/// image that is zero (flagged) or missing (the tail of the last tile) has all coefficients zero.
class ImageBlock {
 public:
  ImageBlock(const PolarGrid& grid, std::int64_t n_images);

  const PolarGrid& grid() const { return grid_; }
  std::int64_t n_images() const { return n_images_; }
  std::int64_t n_tiles() const { return (n_images_ + kLanes - 1) / kLanes; }
  std::int64_t tile_floats() const {
    return static_cast<std::int64_t>(grid_.n_coefficients()) * 2 * kLanes;
  }
  std::int64_t bytes() const { return n_tiles() * tile_floats() * 4; }
  const float* tile(std::int64_t index) const { return data_.get() + index * tile_floats(); }
  float* tile(std::int64_t index) { return data_.get() + index * tile_floats(); }

  /// A block of some of the images, in the order of `rows`; throws std::out_of_range.
  ImageBlock select(const std::vector<std::int64_t>& rows) const;

  /// A block of images of several blocks (same grid), in the order of `rows`. All blocks but the
  /// last hold `block_images` images, and rows count through them. Throws std::out_of_range.
  static ImageBlock gathered(const std::vector<const ImageBlock*>& blocks,
                             std::int64_t block_images,
                             const std::vector<std::int64_t>& rows);

  /// Copy image `from` of `source` (same grid) into place `to`; throws std::out_of_range.
  void copy_image(const ImageBlock& source, std::int64_t from, std::int64_t to);

 private:
  PolarGrid grid_;
  std::int64_t n_images_;
  AlignedBuffer data_;
};

}  // namespace cl2d
