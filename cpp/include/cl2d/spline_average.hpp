/// Class sums of the original pixels: images resampled once, by quintic splines, in the frame of
/// their class averages, and added there.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cl2d {

/// A row of numbers that belongs to someone else.
template <typename T>
struct PoseColumn {
  const T* values;
  std::size_t size;
};

/// Images as read from the stack, (n_images, height, width); height and width must be equal.
struct RawImages {
  const float* values;
  std::size_t n_images;
  std::size_t height;
  std::size_t width;
};

/// Where images go, one by one: p = F R(psi) x - t maps a position x in the image to p in the
/// average, both relative to pixel box / 2 (integer division) of each axis; F = diag(-1, 1) if
/// mirror is not 0. An image may go to several places by several poses, and in one pose to several
/// sums: `slots` holds n_columns of them for each pose. Negative slots are skipped; where all are,
/// neither the pixels nor the pose are read.
struct RawImagePoses {
  PoseColumn<std::int32_t> image;
  PoseColumn<double> psi_rad;
  PoseColumn<double> shift_x_px;
  PoseColumn<double> shift_y_px;
  PoseColumn<std::uint8_t> mirror;
  PoseColumn<std::int32_t> slots;
  std::size_t n_columns;
};

/// Sums that are added to, (n_slots, height, width).
struct RawSums {
  double* values;
  std::size_t n_slots;
  std::size_t height;
  std::size_t width;
};

/// Add to sums[slot] each image moved by its poses: out(p) = image(R^T F (p + t)). A sum receives
/// them in the order of the poses. Poses of one image should follow each other: its spline is
/// fitted once.
///
/// Quintic B-spline interpolation (Unser 1999; the recursive prefilter of Unser, Aldroubi & Eden
/// 1993) of the image continued by reflection about its outermost pixels, which is
/// `scipy.ndimage` with order=5, mode="mirror". The sums have the same bits for any n_threads.
/// Safe to call from several threads on different sums.
///
/// Throws std::invalid_argument if sizes differ, the box is smaller than 2 pixels, n_threads is
/// below 1, or a pose that is not skipped is that of no image, has a slot out of range or is not
/// finite.
void accumulate_transformed(const RawImages& images,
                            const RawImagePoses& poses,
                            const RawSums& sums,
                            int n_threads);

}  // namespace cl2d
