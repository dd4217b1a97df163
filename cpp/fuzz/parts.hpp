// Grids, blocks and poses for the targets: small, and of whatever values.
#pragma once

#include "cl2d/image_block.hpp"
#include "cl2d/polar_images.hpp"
#include "cl2d/references.hpp"
#include "cl2d/search.hpp"

#include "bytes.hpp"

#include <complex>
#include <cstdint>
#include <vector>

namespace cl2d::fuzz {

using Samples = std::vector<std::complex<float>>;

inline std::int64_t samples_per_image(const PolarGrid& grid) {
  return static_cast<std::int64_t>(grid.n_rings()) * grid.n_half_angles();
}

inline PolarGrid small_grid(Bytes& bytes) {
  const int box = bytes.within(3, 20);
  const int k_max = bytes.within(1, (box - 1) / 2);
  return {box, bytes.within(1, k_max), k_max, bytes.within(1, 4 * box) / 4.0};
}

inline Samples samples(Bytes& bytes, std::int64_t n) {
  const std::vector<float> parts = bytes.values<float>(2 * n);
  Samples all;
  for (std::size_t i = 0; i < parts.size(); i += 2) all.emplace_back(parts[i], parts[i + 1]);
  return all;
}

/// A block of up to three tiles, stored either way; images of it may be anything.
inline ImageBlock small_block(Bytes& bytes) {
  const PolarGrid grid = small_grid(bytes);
  const std::int64_t n = bytes.within(1, 40);
  ImageBlock block =
      block_of_polar_images(grid, samples(bytes, n * samples_per_image(grid)).data(), n, 1);
  if (bytes.byte() % 2 == 0) return block;
  ImageBlock halves(grid, n, Precision::Half);
  std::vector<float> scratch(static_cast<std::size_t>(block.tile_floats()));
  for (std::int64_t tile = 0; tile < block.n_tiles(); ++tile) {
    halves.set_tile(tile, block.tile(tile, scratch.data()));
  }
  return halves;
}

inline TileRange some_tiles(Bytes& bytes, const ImageBlock& block) {
  if (bytes.byte() % 4 != 0) return {0, block.n_tiles()};
  const auto first = bytes.size<std::int64_t>(0, block.n_tiles());
  return {first, bytes.size<std::int64_t>(0, block.n_tiles())};
}

inline bool lie_in(const TileRange& tiles, const ImageBlock& block) {
  return tiles.first >= 0 && tiles.count >= 0 && tiles.count <= block.n_tiles() &&
         tiles.first <= block.n_tiles() - tiles.count;
}

inline int some_threads(Bytes& bytes) { return bytes.size<int>(1, 3); }

}  // namespace cl2d::fuzz
