#include "cl2d/image_block.hpp"

#include "half.hpp"
#include "kernels/kernels.hpp"

#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>

namespace cl2d {
namespace {

constexpr std::uintptr_t kCacheLine = 64;
// Far beyond what memory holds, and few enough for bytes to be counted in 64 bits.
constexpr std::int64_t kMostImages = INT32_MAX;

void check_image(std::int64_t index, std::int64_t n_images) {
  if (index < 0 || index >= n_images) {
    throw std::out_of_range("image index must be in [0, " + std::to_string(n_images) + "), not " +
                            std::to_string(index));
  }
}

AlignedBuffer own_memory(const PolarGrid& grid, std::int64_t n_images, Precision precision) {
  const std::int64_t bytes = ImageBlock::bytes_needed(grid, n_images, precision);
  return make_aligned_buffer(static_cast<std::size_t>(bytes) / sizeof(float));
}

void* checked_memory(void* memory, std::int64_t n_bytes, std::int64_t needed) {
  if (n_bytes < needed) {
    throw std::invalid_argument("the memory of a block must have " + std::to_string(needed) +
                                " bytes, not " + std::to_string(n_bytes));
  }
  if (reinterpret_cast<std::uintptr_t>(memory) % kCacheLine != 0) {
    throw std::invalid_argument("the memory of a block must begin on a cache line");
  }
  return memory;
}

/// Copy one lane of a tile into a lane of another.
template <typename T>
void copy_lane(const T* from, std::int64_t tile_values, T* to) {
  for (std::int64_t i = 0; i < tile_values; i += kLanes) to[i] = from[i];
}

}  // namespace

std::int64_t ImageBlock::bytes_needed(const PolarGrid& grid,
                                      std::int64_t n_images,
                                      Precision precision) {
  if (n_images < 0) {
    throw std::invalid_argument("n_images must not be negative, not " + std::to_string(n_images));
  }
  if (n_images > kMostImages) {
    throw std::invalid_argument("n_images must be at most " + std::to_string(kMostImages) +
                                " in a block, not " + std::to_string(n_images));
  }
  const std::int64_t tiles = (n_images + kLanes - 1) / kLanes;
  const std::int64_t each = precision == Precision::Half ? 2 : 4;
  return tiles * grid.n_coefficients() * 2 * kLanes * each;
}

ImageBlock::ImageBlock(const PolarGrid& grid, std::int64_t n_images, Precision precision)
    : grid_(grid),
      n_images_(n_images),
      precision_(precision),
      own_(own_memory(grid, n_images, precision)),
      data_(own_.get()) {}

ImageBlock::ImageBlock(const PolarGrid& grid,
                       std::int64_t n_images,
                       Precision precision,
                       void* memory,
                       std::int64_t n_bytes)
    : grid_(grid),
      n_images_(n_images),
      precision_(precision),
      data_(checked_memory(memory, n_bytes, bytes_needed(grid, n_images, precision))) {}

const float* ImageBlock::tile(std::int64_t index, float* scratch) const {
  if (precision_ == Precision::Single) return stored_tile<const float>(index);
  kernels::active_table().decode_halves(
      stored_tile<const std::uint16_t>(index), tile_floats(), kHalfScale, scratch);
  return scratch;
}

void ImageBlock::set_tile(std::int64_t index, const float* values) {
  if (precision_ == Precision::Single) {
    std::memcpy(stored_tile<float>(index), values, sizeof(float) * tile_floats());
    return;
  }
  auto* to = stored_tile<std::uint16_t>(index);
  for (std::int64_t i = 0; i < tile_floats(); ++i) to[i] = encode_half(values[i]);
}

template <typename T>
void ImageBlock::gather_lanes(const std::int64_t* images, T* to) const {
  for (std::int64_t lane = 0; lane < kLanes; ++lane) {
    const std::int64_t image = images[lane];
    if (image < 0) {
      for (std::int64_t i = 0; i < tile_floats(); i += kLanes) to[i + lane] = 0;
    } else {
      copy_lane(stored_tile<const T>(image / kLanes) + image % kLanes, tile_floats(), to + lane);
    }
  }
}

void ImageBlock::gather(const std::int64_t* images, float* to, float* scratch) const {
  if (precision_ == Precision::Single) {
    gather_lanes(images, to);
    return;
  }
  auto* halves = reinterpret_cast<std::uint16_t*>(scratch);
  gather_lanes(images, halves);
  kernels::active_table().decode_halves(halves, tile_floats(), kHalfScale, to);
}

void ImageBlock::copy_image(const ImageBlock& source, std::int64_t from, std::int64_t to) {
  check_image(from, source.n_images_);
  check_image(to, n_images_);
  if (source.grid_ != grid_ || source.precision_ != precision_) {
    throw std::invalid_argument("blocks must share one grid and precision to exchange images");
  }
  const std::int64_t from_lane = from % kLanes, to_lane = to % kLanes;
  if (precision_ == Precision::Single) {
    copy_lane(source.stored_tile<const float>(from / kLanes) + from_lane,
              tile_floats(),
              stored_tile<float>(to / kLanes) + to_lane);
  } else {
    copy_lane(source.stored_tile<const std::uint16_t>(from / kLanes) + from_lane,
              tile_floats(),
              stored_tile<std::uint16_t>(to / kLanes) + to_lane);
  }
}

ImageBlock ImageBlock::select(const std::vector<std::int64_t>& rows) const {
  ImageBlock chosen(grid_, static_cast<std::int64_t>(rows.size()), precision_);
  std::int64_t to = 0;
  for (std::int64_t row : rows) chosen.copy_image(*this, row, to++);
  return chosen;
}

void ImageBlock::copy_images(const std::vector<const ImageBlock*>& blocks,
                             std::int64_t block_images,
                             const std::vector<std::int64_t>& rows) {
  const auto n_rows = static_cast<std::int64_t>(rows.size());
  if (n_rows != n_images_) {
    throw std::invalid_argument("rows must be " + std::to_string(n_images_) +
                                " as the images of the block, not " + std::to_string(n_rows));
  }
  if (block_images < 1 || block_images > kMostImages) {
    throw std::invalid_argument("block_images must be at least 1 and at most " +
                                std::to_string(kMostImages) + ", not " +
                                std::to_string(block_images));
  }
  for (const ImageBlock* block : blocks) {
    if (block == nullptr) throw std::invalid_argument("blocks must be blocks, not nothing");
  }
  const auto n_blocks = static_cast<std::int64_t>(blocks.size());
  std::int64_t to = 0;
  for (std::int64_t row : rows) {
    check_image(row, n_blocks * block_images);
    const ImageBlock& from = *blocks[static_cast<std::size_t>(row / block_images)];
    copy_image(from, row % block_images, to++);
  }
}

}  // namespace cl2d
