// Images that are known by their polar samples, such as class averages, as a block.
#pragma once

#include "cl2d/image_block.hpp"

#include <complex>

namespace cl2d {

/// A block of n images from their samples (n, n_rings, n_angles / 2) on the polar grid, weighted
/// as references are. Throws std::invalid_argument if n or n_threads is not positive.
ImageBlock block_of_polar_images(const PolarGrid& grid,
                                 const std::complex<float>* samples,
                                 std::int64_t n,
                                 int n_threads);

}  // namespace cl2d
