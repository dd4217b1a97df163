// A fixed run of images as tiles of polar Fourier coefficients: the operand of the whole run.
#pragma once

#include "cl2d/aligned_buffer.hpp"
#include "cl2d/grid.hpp"

#include <cstdint>
#include <vector>

namespace cl2d {

/// How coefficients are stored: as floats, or as IEEE binary16 times a power of two.
enum class Precision { Single, Half };

/// Coefficients of n images, 16 to a tile: (n_tiles, n_coefficients, 2, 16) with p + q and p - q of
/// each coefficient p + iq (order 0 is real and holds p twice). Ring weights are folded in as their
/// square roots and each image has norm 1, so that inner products are normalised correlations; an
/// image that is zero (flagged) or missing (the tail of the last tile) has all coefficients zero.
class ImageBlock {
 public:
  /// Throws std::invalid_argument for a number of images below 0 or beyond 2^31 - 1.
  ImageBlock(const PolarGrid& grid, std::int64_t n_images, Precision precision = Precision::Single);

  /// A block in the caller's memory, which must outlive it: `bytes_needed` bytes on a cache line,
  /// zero where no image will be written. Throws std::invalid_argument.
  ImageBlock(const PolarGrid& grid,
             std::int64_t n_images,
             Precision precision,
             void* memory,
             std::int64_t n_bytes);

  static std::int64_t bytes_needed(const PolarGrid& grid,
                                   std::int64_t n_images,
                                   Precision precision);

  const PolarGrid& grid() const { return grid_; }
  std::int64_t n_images() const { return n_images_; }
  Precision precision() const { return precision_; }
  std::int64_t n_tiles() const { return (n_images_ + kLanes - 1) / kLanes; }
  std::int64_t tile_floats() const {
    return static_cast<std::int64_t>(grid_.n_coefficients()) * 2 * kLanes;
  }
  std::int64_t bytes() const { return bytes_needed(grid_, n_images_, precision_); }

  /// The coefficients of a tile: where they are stored, or decoded into `scratch` (tile_floats()).
  const float* tile(std::int64_t index, float* scratch) const;

  /// Store the coefficients (tile_floats()) of a tile; none may exceed 1.
  void set_tile(std::int64_t index, const float* values);

  /// Put 16 images, given by their places in the block or as -1 for one of zeros, into the lanes of
  /// `to` (tile_floats()), as floats; `scratch` is as long.
  void gather(const std::int64_t* images, float* to, float* scratch) const;

  /// A block of some of the images, in the order of `rows`; throws std::out_of_range.
  ImageBlock select(const std::vector<std::int64_t>& rows) const;

  /// Copy images of several blocks (same grid and precision) into the places of this one, in the
  /// order of `rows`, one for each place. All blocks but the last hold `block_images` images, and
  /// rows count through them. Throws std::out_of_range and std::invalid_argument.
  void copy_images(const std::vector<const ImageBlock*>& blocks,
                   std::int64_t block_images,
                   const std::vector<std::int64_t>& rows);

  /// Copy image `from` of `source` (same grid and precision) into place `to`; throws
  /// std::out_of_range and std::invalid_argument.
  void copy_image(const ImageBlock& source, std::int64_t from, std::int64_t to);

 private:
  template <typename T>
  T* stored_tile(std::int64_t index) const {
    return static_cast<T*>(data_) + index * tile_floats();
  }
  template <typename T>
  void gather_lanes(const std::int64_t* images, T* to) const;

  PolarGrid grid_;
  std::int64_t n_images_;
  Precision precision_;
  AlignedBuffer own_;
  void* data_;
};

}  // namespace cl2d
