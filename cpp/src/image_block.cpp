#include "cl2d/image_block.hpp"

#include <stdexcept>
#include <string>

namespace cl2d {
namespace {

std::size_t block_floats(const PolarGrid& grid, std::int64_t n_images) {
  if (n_images < 0) {
    throw std::invalid_argument("n_images must not be negative, not " + std::to_string(n_images));
  }
  const std::int64_t tiles = (n_images + kLanes - 1) / kLanes;
  return static_cast<std::size_t>(tiles * grid.n_coefficients() * 2 * kLanes);
}

void check_image(std::int64_t index, std::int64_t n_images) {
  if (index < 0 || index >= n_images) {
    throw std::out_of_range("image index must be in [0, " + std::to_string(n_images) + "), not " +
                            std::to_string(index));
  }
}

}  // namespace

ImageBlock::ImageBlock(const PolarGrid& grid, std::int64_t n_images)
    : grid_(grid), n_images_(n_images), data_(make_aligned_buffer(block_floats(grid, n_images))) {}

void ImageBlock::copy_image(const ImageBlock& source, std::int64_t from, std::int64_t to) {
  check_image(from, source.n_images_);
  check_image(to, n_images_);
  if (source.grid_ != grid_) {
    throw std::invalid_argument("blocks must share one grid to exchange images");
  }
  const float* in = source.tile(from / kLanes) + from % kLanes;
  float* out = tile(to / kLanes) + to % kLanes;
  for (std::int64_t i = 0; i < tile_floats(); i += kLanes) out[i] = in[i];
}

ImageBlock ImageBlock::select(const std::vector<std::int64_t>& rows) const {
  ImageBlock chosen(grid_, static_cast<std::int64_t>(rows.size()));
  std::int64_t to = 0;
  for (std::int64_t row : rows) chosen.copy_image(*this, row, to++);
  return chosen;
}

ImageBlock ImageBlock::gathered(const std::vector<const ImageBlock*>& blocks,
                                std::int64_t block_images,
                                const std::vector<std::int64_t>& rows) {
  if (blocks.empty() || block_images < 1) {
    throw std::invalid_argument("there must be blocks, of at least one image");
  }
  ImageBlock chosen(blocks.front()->grid_, static_cast<std::int64_t>(rows.size()));
  const std::int64_t n_blocks = static_cast<std::int64_t>(blocks.size());
  std::int64_t to = 0;
  for (std::int64_t row : rows) {
    check_image(row, n_blocks * block_images);
    const ImageBlock& from = *blocks[static_cast<std::size_t>(row / block_images)];
    chosen.copy_image(from, row % block_images, to++);
  }
  return chosen;
}

}  // namespace cl2d
