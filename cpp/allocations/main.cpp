// Calls one entry point with no memory at all, with memory for one allocation, for two and so on,
// until there is enough. Each call must say that there was too little, or give the result.
//
//   cl2d_allocations NAME     in a process of its own: what is set up once fails there, too
#include "entry_points.hpp"
#include "scarce_memory.hpp"

#include <cstdio>
#include <new>

int main(int argc, char** argv) {
  using namespace cl2d::testing;
  const auto points = entry_points();
  const auto found = argc == 2 ? points.find(argv[1]) : points.end();
  if (found == points.end()) {
    for (const auto& point : points) std::printf("%s\n", point.first.c_str());
    return argc == 1 ? 0 : 2;
  }
  constexpr std::int64_t kMostAllocations = 1'000'000;
  for (std::int64_t n = 0; n < kMostAllocations; ++n) {
    Numbers result;
    scarce_memory(n);
    try {
      result = found->second();
    } catch (const std::bad_alloc&) {
      plenty_of_memory();
      continue;
    }
    plenty_of_memory();
    const bool is_same = result == found->second();
    std::printf("%s: refused %ld times for want of memory, %s\n",
                found->first.c_str(),
                static_cast<long>(n),
                is_same ? "then right" : "then wrong");
    return is_same && n > 0 ? 0 : 1;
  }
  std::printf("%s: never had enough\n", found->first.c_str());
  return 1;
}
