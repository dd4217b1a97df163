// Correntropy of images with class averages in real space, at poses found elsewhere.
//
// W. Liu, P. P. Pokharel and J. C. Principe, IEEE Trans. Signal Process. 55 (2007) 5286: the mean
// of a Gaussian of the difference. It tells how many pixels agree, so a few that are far off count
// as misses and no more, however far off they are.
#pragma once

#include <cstdint>

namespace cl2d {

/// Images as they were prepared, (n, box, box), box at least 2.
struct WorkingImages {
  const float* values;
  std::int64_t n;
  std::int64_t box;
};

/// Class averages (n, box, box), the weight of each pixel (box, box), and the width of the kernel.
struct CorrentropyReferences {
  const float* averages;
  std::int64_t n;
  const float* weights;  // sum above 0
  double kernel_width;   // grey values, above 1e-18
};

/// What each image is compared with: n_candidates classes, each at its own pose p = F R(psi) x - t.
struct CorrentropyCandidates {
  std::int64_t n_candidates;
  const std::int32_t* classes;  // (n, n_candidates)
  const double* psi_rad;        // (n, n_candidates)
  const double* shift_xy;       // (n, n_candidates, 2), pixels of the images
  const std::uint8_t* mirror;   // (n, n_candidates)
};

/// scores (n, n_candidates): the weighted mean over pixels of exp(-(P - J)^2 / (2 width^2)), J the
/// image and P the average moved into its frame by quintic splines, as in accumulate_transformed.
///
/// The average is moved and not the image, so that every candidate is compared with the same
/// pixels: what a strong edge has outside the weights would count for one pose and not for the
/// next.
///
/// Same bits for any n_threads. The exponential has a relative error below 4e-7 times its
/// exponent (4e-7 for exponents below 1), and is 0 below 1e-37.
/// Throws std::invalid_argument on sizes, classes or poses that do not fit.
void correntropy(const WorkingImages& images,
                 const CorrentropyReferences& references,
                 const CorrentropyCandidates& candidates,
                 float* scores,
                 int n_threads);

}  // namespace cl2d
