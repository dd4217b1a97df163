// A search with everything it is made of, next to its slow version.
#pragma once

#include "cl2d/search.hpp"

#include "engine_inputs.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

namespace cl2d::testing {

using Shifts = std::vector<std::array<double, 2>>;

struct Found {
  std::vector<float> scores;        // (16 * tiles, n_references)
  std::vector<std::int32_t> codes;  // same
  bool operator==(const Found& other) const {
    return scores == other.scores && codes == other.codes;
  }
};

inline Found searched(const ImageBlock& block,
                      const TileRange& tiles,
                      const Samples& references,
                      const Shifts& shifts,
                      const cl2d::SearchOptions& options = {}) {
  const cl2d::ReferenceView view = view_of(references, block.grid());
  const auto size = static_cast<std::size_t>(std::max<std::int64_t>(tiles.count, 0) * 16 * view.n);
  Found found{std::vector<float>(size), std::vector<std::int32_t>(size)};
  cl2d::search(
      block, tiles, view, view_of(shifts), options, found.scores.data(), found.codes.data());
  return found;
}

inline Found searched(const ImageBlock& block, const Samples& references, const Shifts& shifts) {
  return searched(block, {0, block.n_tiles()}, references, shifts);
}

/// Everything a search is made of, and the polar samples of the slow version.
struct Inputs {
  Inputs(const GridSizes& sizes, int n_images, int n_references, Shifts the_shifts)
      : grid(sizes.grid()),
        weights(uneven_weights(grid)),
        shifts(std::move(the_shifts)),
        search(slow_search(grid, weights, shifts)),
        images(noise_images(n_images, grid.box_px(), 11)),
        block(block_of(grid, images, weights)),
        reference_polar(
            polar_of(noise_images(n_references, grid.box_px(), 12), grid.box_px(), search)),
        references(references_of(reference_polar, search)) {}

  /// Scores of one image against one reference, in the order of the codes.
  std::vector<double> slow_scores(int image, int reference) const {
    cl2d::slow::Samples moving =
        cl2d::slow::polar_samples(images[static_cast<std::size_t>(image)], grid.box_px(), search);
    cl2d::slow::limit_angular_orders(moving, search.m_max);
    const cl2d::slow::Samples& fixed = reference_polar[static_cast<std::size_t>(reference)];
    const double norms = norm_of(moving, search) * norm_of(fixed, search) * search.n_theta;
    std::vector<double> scores;
    for (const std::array<double, 2>& shift : shifts) {
      const cl2d::slow::Samples shifted =
          cl2d::slow::shifted_samples(fixed, grid.box_px(), search, shift);
      for (const bool mirror : {false, true}) {
        for (int psi = 0; psi < search.n_theta; ++psi) {
          scores.push_back(cl2d::slow::score(moving, shifted, search, psi, mirror) / norms);
        }
      }
    }
    return scores;
  }

  PolarGrid grid;
  std::vector<double> weights;
  Shifts shifts;
  cl2d::slow::Search search;
  std::vector<Image> images;
  ImageBlock block;
  std::vector<cl2d::slow::Samples> reference_polar;
  Samples references;
};

inline const Shifts kCross{{0, 0}, {1, 0}, {0, -1}, {-1.5, 0.5}, {2, 1}, {0.25, -2}, {-1, -1}};
inline const GridSizes kSmall{16, 1, 6, 7, 0};

// Scores are inner products of vectors of norm 1; the images' differ from the exact ones by less
// than 1e-5 (test_polar_sampling), floats add up to 1e-6 in sums and transforms.
constexpr double kScoreTolerance = 1.2e-5;

}  // namespace cl2d::testing
