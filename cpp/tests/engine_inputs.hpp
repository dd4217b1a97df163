// Random images and what the engine takes of them, made by direct sums in double precision: the
// tests compare the engine with nothing that the engine has computed.
#pragma once

#include "cl2d/grid.hpp"
#include "cl2d/image_block.hpp"
#include "cl2d/polar_sampling.hpp"
#include "cl2d/references.hpp"
#include "cl2d/simd.hpp"

#include "slow_alignment.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace cl2d::testing {

struct GridSizes {
  int box;
  int k_min;
  int k_max;
  double radius;
  int n_angles;  // that follow: each stage of the angular DFT occurs, alone and after each other

  PolarGrid grid() const { return {box, k_min, k_max, radius}; }
};

inline const std::vector<GridSizes> kGrids{{8, 1, 1, 2, 8},
                                           {8, 1, 1, 3, 12},
                                           {8, 1, 3, 3, 20},
                                           {8, 2, 3, 6, 36},
                                           {8, 1, 3, 7, 40},
                                           {10, 1, 4, 9, 60},
                                           {12, 1, 5, 12, 72},
                                           {14, 2, 6, 13, 80},
                                           {16, 1, 7, 14, 96},
                                           {18, 3, 8, 17, 100},
                                           {20, 5, 9, 19, 120},
                                           {22, 2, 10, 21, 128}};

using Image = std::vector<double>;                 // (box, box)
using Samples = std::vector<std::complex<float>>;  // (n, n_rings, n_angles / 2)

inline std::vector<Image> noise_images(int n, int box, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<double> normal;
  std::vector<Image> images(static_cast<std::size_t>(n));
  for (Image& image : images) {
    image.resize(static_cast<std::size_t>(box * box));
    for (double& pixel : image) pixel = normal(generator);
  }
  return images;
}

/// Weights that differ from ring to ring, so that none can be left out or exchanged unnoticed.
inline std::vector<double> uneven_weights(const PolarGrid& grid) {
  std::vector<double> weights;
  for (int ring = 0; ring < grid.n_rings(); ++ring) weights.push_back(0.5 + 0.3 * ((ring * 7) % 5));
  return weights;
}

/// Transforms of the images, corrected and padded twice, as numpy's rfft2 would give them.
inline std::vector<std::complex<float>> padded_spectra(const std::vector<Image>& images, int box) {
  const std::vector<double> correction = gridding_correction(box);
  const int size = 2 * box, columns = box + 1, edge = box - box / 2;
  std::vector<std::complex<double>> turn;
  for (int i = 0; i < size; ++i) turn.push_back(std::polar(1.0, -slow::kTwoPi * i / size));
  const auto turned = [&](int frequency, int position) {
    return turn[static_cast<std::size_t>(frequency * position % size)];
  };
  std::vector<std::complex<float>> spectra;
  for (const Image& image : images) {
    std::vector<std::complex<double>> rows(static_cast<std::size_t>(box * columns));
    for (int y = 0; y < box; ++y) {
      for (int u = 0; u < columns; ++u) {
        std::complex<double>& sum = rows[static_cast<std::size_t>(y * columns + u)];
        for (int x = 0; x < box; ++x) {
          sum += image[static_cast<std::size_t>(y * box + x)] *
                 correction[static_cast<std::size_t>(x)] * turned(u, x + edge);
        }
      }
    }
    for (int v = 0; v < size; ++v) {
      for (int u = 0; u < columns; ++u) {
        std::complex<double> sum;
        for (int y = 0; y < box; ++y) {
          sum += rows[static_cast<std::size_t>(y * columns + u)] *
                 correction[static_cast<std::size_t>(y)] * turned(v, y + edge);
        }
        spectra.emplace_back(sum);
      }
    }
  }
  return spectra;
}

inline ImageBlock block_of(const PolarGrid& grid,
                           const std::vector<Image>& images,
                           const std::vector<double>& weights,
                           Precision precision = Precision::Single) {
  ImageBlock block(grid, static_cast<std::int64_t>(images.size()), precision);
  const std::vector<std::complex<float>> spectra = padded_spectra(images, grid.box_px());
  PolarSampler(grid, weights).fill(block, 0, spectra.data(), block.n_images(), 1);
  return block;
}

/// What the slow version is told about the same comparison.
inline slow::Search slow_search(const PolarGrid& grid,
                                const std::vector<double>& weights,
                                const std::vector<std::array<double, 2>>& shifts_px) {
  slow::Search search;
  for (int ring = 0; ring < grid.n_rings(); ++ring) {
    search.k_rings.push_back(grid.k_min() + ring);
    search.m_max.push_back(grid.max_order(ring));
  }
  search.weights = weights;
  search.n_theta = grid.n_angles();
  search.shifts_px = shifts_px;
  return search;
}

/// Square root of the mean over angles of the weighted power, the norm of the engine.
inline double norm_of(const slow::Samples& samples, const slow::Search& search) {
  return std::sqrt(slow::score(samples, samples, search, 0, false) / search.n_theta);
}

/// The half circle of polar samples with the weights folded in, scaled to norm 1.
inline Samples references_of(const std::vector<slow::Samples>& polar, const slow::Search& search) {
  Samples references;
  for (const slow::Samples& samples : polar) {
    const double norm = norm_of(samples, search);
    for (std::size_t ring = 0; ring < samples.size(); ++ring) {
      const double scale = std::sqrt(search.weights[ring]) / norm;
      for (int j = 0; j < search.n_theta / 2; ++j) {
        references.emplace_back(scale * samples[ring][static_cast<std::size_t>(j)]);
      }
    }
  }
  return references;
}

inline std::vector<slow::Samples> polar_of(const std::vector<Image>& images,
                                           int box,
                                           const slow::Search& search) {
  std::vector<slow::Samples> polar;
  for (const Image& image : images) polar.push_back(slow::polar_samples(image, box, search));
  return polar;
}

inline ReferenceView view_of(const Samples& references, const PolarGrid& grid) {
  const std::int64_t size = static_cast<std::int64_t>(grid.n_rings()) * grid.n_half_angles();
  return {references.data(), static_cast<std::int64_t>(references.size()) / size};
}

/// The numbers of a list of pairs; an empty list has none to point to.
template <typename Pair>
auto numbers_of(Pair& pairs) -> decltype(pairs.front().data()) {
  return pairs.empty() ? nullptr : pairs.front().data();
}

inline ShiftView view_of(const std::vector<std::array<double, 2>>& shifts_px) {
  return {numbers_of(shifts_px), static_cast<std::int64_t>(shifts_px.size())};
}

/// The coefficients of a tile.
inline std::vector<float> tile_of(const ImageBlock& block, std::int64_t tile) {
  std::vector<float> scratch(static_cast<std::size_t>(block.tile_floats()));
  const float* values = block.tile(tile, scratch.data());
  return {values, values + block.tile_floats()};
}

/// Coefficients (p, q) of one image, as the header of ImageBlock says they are stored.
inline std::vector<std::complex<double>> coefficients_of(const ImageBlock& block,
                                                         std::int64_t image) {
  std::vector<std::complex<double>> coefficients;
  const std::vector<float> tile = tile_of(block, image / kLanes);
  const float* lane = tile.data() + image % kLanes;
  for (int i = 0; i < block.grid().n_coefficients(); ++i) {
    const double u = lane[i * 2 * kLanes], v = lane[i * 2 * kLanes + kLanes];
    coefficients.emplace_back((u + v) / 2, (u - v) / 2);
  }
  return coefficients;
}

/// Every coefficient of the block, for comparisons of bits.
inline std::vector<float> bits_of(const ImageBlock& block) {
  std::vector<float> bits;
  for (std::int64_t tile = 0; tile < block.n_tiles(); ++tile) {
    const std::vector<float> values = tile_of(block, tile);
    bits.insert(bits.end(), values.begin(), values.end());
  }
  return bits;
}

/// Runs a check with each level of kernels that this machine has; puts the old one back.
template <typename Check>
void at_every_simd_level(Check check) {
  const std::string before = simd_level();
  for (const std::string& level : available_simd_levels()) {
    CAPTURE(level);
    set_simd_level(level);
    check();
  }
  set_simd_level(before);
}

}  // namespace cl2d::testing
