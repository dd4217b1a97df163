#include "scarce_memory.hpp"

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <limits>
#include <new>

namespace {

constexpr std::int64_t kPlenty = std::numeric_limits<std::int64_t>::max() / 2;
std::atomic<std::int64_t> left{kPlenty};

bool is_granted() { return left.fetch_sub(1) > 0; }

}  // namespace

// The linker leads every call of malloc and aligned_alloc in this program here (--wrap): those of
// the engine and of Eigen.
extern "C" {
void* __real_malloc(std::size_t size);
void* __real_aligned_alloc(std::size_t alignment, std::size_t size);
void* __wrap_malloc(std::size_t size) { return is_granted() ? __real_malloc(size) : nullptr; }
void* __wrap_aligned_alloc(std::size_t alignment, std::size_t size) {
  return is_granted() ? __real_aligned_alloc(alignment, size) : nullptr;
}
}

// And those of the standard library. All forms of new and delete that are not replaced use these.
void* operator new(std::size_t size) {
  void* memory = is_granted() ? __real_malloc(size == 0 ? 1 : size) : nullptr;
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void* operator new(std::size_t size, const std::nothrow_t& /*none*/) noexcept {
  return is_granted() ? __real_malloc(size == 0 ? 1 : size) : nullptr;
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t /*size*/) noexcept { std::free(memory); }

namespace cl2d::testing {

void scarce_memory(std::int64_t n) { left = n; }
void plenty_of_memory() { left = kPlenty; }

}  // namespace cl2d::testing
