#include "cl2d/polar_images.hpp"

#include "cl2d/threads.hpp"

#include "team.hpp"
#include "tile_analysis.hpp"

#include <stdexcept>
#include <string>
#include <vector>

namespace cl2d {

ImageBlock block_of_polar_images(const PolarGrid& grid,
                                 const std::complex<float>* samples,
                                 std::int64_t n,
                                 int n_threads) {
  if (n < 1) {
    throw std::invalid_argument("the number of images must be at least 1, not " +
                                std::to_string(n));
  }
  check_threads(n_threads);
  ImageBlock block(grid, n);
  const AngularDft dft(grid);
  const int team = team_size(n_threads, block.n_tiles());
  std::vector<TileAnalysis> scratch;
  scratch.reserve(static_cast<std::size_t>(team));
  for (int thread = 0; thread < team; ++thread) scratch.emplace_back(grid, dft);
  const std::int64_t per_image = static_cast<std::int64_t>(grid.n_rings()) * grid.n_half_angles();
#pragma omp parallel for schedule(static) num_threads(team)
  for (std::int64_t tile = 0; tile < block.n_tiles(); ++tile) {
    TileAnalysis& analysis = scratch[static_cast<std::size_t>(thread_index())];
    analysis.clear();
    const std::int64_t first = tile * kLanes;
    const std::int64_t count = n - first < kLanes ? n - first : kLanes;
    for (std::int64_t lane = 0; lane < count; ++lane) {
      const std::complex<float>* image = samples + (first + lane) * per_image;
      float* to = analysis.samples() + lane;
      for (std::int64_t i = 0; i < per_image; ++i) {
        to[2 * i * kLanes] = image[i].real();
        to[(2 * i + 1) * kLanes] = image[i].imag();
      }
    }
    analysis.store(block, tile);
  }
  return block;
}

}  // namespace cl2d
