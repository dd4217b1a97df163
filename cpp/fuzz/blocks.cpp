// Grids, blocks and samplers.
#include "cl2d/polar_sampling.hpp"

#include "parts.hpp"
#include "targets.hpp"

#include <cmath>

namespace cl2d::fuzz {
namespace {

void require_finite(const ImageBlock& block) {
  std::vector<float> scratch(static_cast<std::size_t>(block.tile_floats()));
  for (std::int64_t tile = 0; tile < block.n_tiles(); ++tile) {
    const float* values = block.tile(tile, scratch.data());
    for (std::int64_t i = 0; i < block.tile_floats(); ++i) require(std::abs(values[i]) < 2);
  }
}

/// Sizes of grids that are small or absurd, and nothing in between: that would only take long.
PolarGrid any_grid(Bytes& bytes) {
  return {bytes.size(3, 24), bytes.size(0, 12), bytes.size(0, 12), bytes.number()};
}

}  // namespace

void make_blocks(Bytes& bytes) {
  const PolarGrid grid = any_grid(bytes);
  const Precision precision = bytes.byte() % 2 == 0 ? Precision::Single : Precision::Half;
  ImageBlock block(grid, bytes.size<std::int64_t>(0, 40), precision);
  const ImageBlock other(small_block(bytes));
  std::vector<std::int64_t> rows(static_cast<std::size_t>(bytes.within(0, 40)));
  for (std::int64_t& row : rows) row = bytes.size<std::int64_t>(0, 40);
  const ImageBlock selected = other.select(rows);
  require(selected.n_images() == static_cast<std::int64_t>(rows.size()));
  std::vector<const ImageBlock*> blocks(static_cast<std::size_t>(bytes.within(0, 3)), &other);
  if (bytes.byte() == 255) blocks.push_back(nullptr);
  ImageBlock into(other.grid(), bytes.within(0, 40), other.precision());
  into.copy_images(blocks, bytes.size<std::int64_t>(1, 40), rows);
  block.copy_image(other, bytes.size<std::int64_t>(0, 40), bytes.size<std::int64_t>(0, 40));
}

void sample_images(Bytes& bytes) {
  const std::vector<double> correction = gridding_correction(bytes.size(1, 40));
  for (const double value : correction) require(std::isfinite(value));
  const PolarGrid grid = small_grid(bytes);
  const PolarSampler sampler(grid, bytes.values<double>(bytes.within(0, 12)));
  const std::int64_t n = bytes.within(0, 20), box = grid.box_px();
  ImageBlock block(bytes.byte() % 8 == 0 ? small_grid(bytes) : grid,
                   bytes.within(0, 40),
                   bytes.byte() % 2 == 0 ? Precision::Single : Precision::Half);
  const Samples spectra = samples(bytes, n * 2 * box * (box + 1));
  const auto first = bytes.byte() % 8 == 0 ? bytes.size<std::int64_t>(0, 40)
                                           : 16 * bytes.within<std::int64_t>(0, 2);
  sampler.fill(block, first, spectra.data(), n, some_threads(bytes));
  require_finite(block);
}

}  // namespace cl2d::fuzz
