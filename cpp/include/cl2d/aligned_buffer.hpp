// A block of floats that starts on a cache line, so that vector loads never straddle two.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>

namespace cl2d {

struct FreeMemory {
  void operator()(float* p) const { std::free(p); }
};
using AlignedBuffer = std::unique_ptr<float[], FreeMemory>;

/// Zero-filled floats on a 64-byte boundary; throws std::bad_alloc.
inline AlignedBuffer make_aligned_buffer(std::size_t count) {
  if (count > SIZE_MAX / (2 * sizeof(float))) throw std::bad_alloc();
  const std::size_t bytes = (count * sizeof(float) + 63) / 64 * 64;
  void* memory = std::aligned_alloc(64, bytes == 0 ? 64 : bytes);
  if (memory == nullptr) throw std::bad_alloc();
  float* floats = static_cast<float*>(memory);
  for (std::size_t i = 0; i < count; ++i) floats[i] = 0.0F;
  return AlignedBuffer(floats);
}

}  // namespace cl2d
