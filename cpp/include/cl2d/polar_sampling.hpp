// From padded Cartesian transforms to polar coefficients: Kaiser-Bessel gridding and an angular
// DFT.
#pragma once

#include "cl2d/grid.hpp"
#include "cl2d/image_block.hpp"

#include <complex>
#include <cstdint>
#include <vector>

namespace cl2d {

struct SamplingScratch;

/// Samples transforms of images padded to twice their box (origin pixel box / 2 at pixel box).
///
/// Interpolation: Kaiser-Bessel kernel of width 6 at oversampling 2 (Beatty et al. 2005), relative
/// error about 1e-6, provided the images were multiplied by `gridding_correction` in both axes.
class PolarSampler {
 public:
  /// ring_weights: (n_rings) non-negative; throws std::invalid_argument.
  PolarSampler(const PolarGrid& grid, const std::vector<double>& ring_weights);

  /// Fill images first..first+n-1 of the block from spectra (n, 2 box, box + 1), complex64, as
  /// scipy.fft.rfft2 gives them. Thread-safe for disjoint tiles; `first` must begin a tile. Throws
  /// std::invalid_argument where the images, the block or n_threads do not fit.
  void fill(ImageBlock& block,
            std::int64_t first,
            const std::complex<float>* spectra,
            std::int64_t n,
            int n_threads) const;

  const PolarGrid& grid() const { return grid_; }

 private:
  struct Point {
    int offset;         // of the first tap in the patch of low frequencies
    float sign;         // -1 where the sample is the conjugate of its opposite
    float weights[12];  // 6 along x, then 6 along y, ring weight folded into y
  };
  void sample_image(const std::complex<float>* spectrum,
                    std::complex<float>* patch,
                    float* lane) const;
  void copy_patch(const std::complex<float>* spectrum, std::complex<float>* patch) const;
  void fill_tile(ImageBlock& block,
                 std::int64_t tile,
                 const std::complex<float>* spectra,
                 std::int64_t count,
                 SamplingScratch& scratch) const;

  PolarGrid grid_;
  int reach_;  // rows and columns of the patch run to +- reach
  std::vector<Point> points_;
};

/// 1 / Fourier transform of the gridding kernel at pixels 0..box-1 of an image with origin box / 2.
std::vector<double> gridding_correction(int box_px);

}  // namespace cl2d
