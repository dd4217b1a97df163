// Grey values of images as read: put on the scale of their background, and averaged over patches.
#pragma once

#include <cstdint>
#include <vector>

namespace cl2d {

/// Pixels of some images, one image after the other.
struct GreyImages {
  const float* values;
  std::int64_t n_images;
  std::int64_t n_pixels;
};

/// What counts as far, flat or too large; see cl2d.preprocess.normalise, which holds the values.
struct GreyRules {
  double clip_sigma;       // values of the background further from its mean are left out
  int clip_rounds;         // so many times
  double clipped_std;      // deviation of a normal distribution cut there, in sigma
  double spike_rms;        // pixels beyond so many root mean squares are cut to that
  int spike_rounds;        // limits that are tried for it
  double largest;          // no pixel is further from 0, in deviations
  double beyond_sums;      // grey values from here on count as not finite
  double least_spread;     // a range, over the largest value, that is no more than rounding
  double least_range;      // a range, whatever the values, that is no image's
  double least_deviation;  // of a background: float32 cannot hold one over less
};

/// Region of images and the weight of each of their pixels.
struct GreyRegions {
  std::vector<std::int64_t> background;  // pixels outside the particle
  const float* mask;                     // one weight for each pixel
  std::int64_t mask_size;
};

enum class GreyFlag : std::uint8_t { Usable = 0, NotFinite = 1, Constant = 2 };

/// Writes images whose background has mean 0 and deviation 1, times the mask, to `normalised`
/// (n_images, n_pixels) and a flag of each to `flags`; flagged images become 0. What becomes of an
/// image depends on that image alone.
///
/// Throws std::invalid_argument if the mask has another size, rounds are below 0 or beyond 1000, or
/// if the background is empty or holds a pixel that no image has.
void normalise_images(const GreyImages& images,
                      const GreyRegions& regions,
                      const GreyRules& rules,
                      float* normalised,
                      GreyFlag* flags);

/// Where the means and variances of patches are written, (n_images, n_patches, n_patches) each, and
/// whether an image is finite and not constant, (n_images).
struct PatchMoments {
  double* means;
  double* variances;
  std::uint8_t* usable;
};

/// Finds mean and variance of each patch of square images. Patch i along an axis begins at pixel
/// `first[i]` and ends before the next.
///
/// Throws std::invalid_argument unless images are square and `first` ascends from 0 and stays
/// within the box.
void patch_moments(const GreyImages& images,
                   const std::vector<std::int64_t>& first,
                   const PatchMoments& moments);

}  // namespace cl2d
