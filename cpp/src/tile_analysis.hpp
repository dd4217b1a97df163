// Polar samples of 16 images to the coefficients of a tile, each image scaled to norm 1.
#pragma once

#include "cl2d/aligned_buffer.hpp"
#include "cl2d/image_block.hpp"

#include "angular_dft.hpp"

#include <cstdint>

namespace cl2d {

/// The buffers one thread needs; the DFT and its grid must outlive it.
class TileAnalysis {
 public:
  TileAnalysis(const PolarGrid& grid, const AngularDft& dft);

  /// Samples of the 16 images, (n_rings, n_angles / 2, 2, 16), to be written before `store`.
  float* samples() { return samples_.get(); }

  /// Set all samples to zero: lanes that are not written give images of zeros.
  void clear();

  /// Transform the samples and put the normalised images into a tile of a block. One whose samples
  /// are not finite, or next to nothing, becomes an image of zeros.
  void store(ImageBlock& block, std::int64_t tile);

 private:
  const PolarGrid* grid_;
  const AngularDft* dft_;
  AlignedBuffer samples_;
  AlignedBuffer workspace_;
  AlignedBuffer coefficients_;
};

}  // namespace cl2d
