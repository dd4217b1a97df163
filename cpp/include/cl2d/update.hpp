// Class sums on the polar grid, and the aligned members themselves.
#pragma once

#include "cl2d/image_block.hpp"

#include <complex>
#include <cstdint>

namespace cl2d {

/// Poses of the images of a block: p = F R(psi) x - t, shifts in working pixels.
struct PoseView {
  const double* psi_rad;
  const double* shift_xy;  // (n, 2)
  const std::uint8_t* mirror;
  std::int64_t n;
};

/// Add each image, brought into its reference's frame, to sums[slot].
///
/// slots: (n_images) target of each image, negative to leave it out. sums: (n_slots, n_rings,
/// n_angles / 2) complex128, added to in the order of the images, so that the bits do not depend on
/// n_threads. Throws std::invalid_argument on sizes or slots that do not fit.
void accumulate(const ImageBlock& block,
                const std::int32_t* slots,
                const PoseView& poses,
                std::complex<double>* sums,
                std::int64_t n_slots,
                int n_threads);

/// The aligned images of a block: out (n_images, n_rings, n_angles / 2) complex64.
void align_members(const ImageBlock& block,
                   const PoseView& poses,
                   std::complex<float>* out,
                   int n_threads);

}  // namespace cl2d
