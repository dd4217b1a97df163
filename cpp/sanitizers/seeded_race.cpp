// Two threads add to the same sums without agreeing on who does: what the thread sanitiser must
// find, or it would find nothing.
#include "cl2d/spline_average.hpp"

#include <cstdint>
#include <cstdio>
#include <vector>

int main() {
  constexpr std::size_t kBox = 16;
  const std::vector<float> image(kBox * kBox, 1.0F);
  std::vector<double> sums(kBox * kBox);
  const std::int32_t number = 0, slot = 0;
  const double zero = 0;
  const std::uint8_t mirror = 0;
#pragma omp parallel for schedule(static) num_threads(2)
  for (int thread = 0; thread < 2; ++thread) {
    cl2d::accumulate_transformed(
        {image.data(), 1, kBox, kBox},
        {{&number, 1}, {&zero, 1}, {&zero, 1}, {&zero, 1}, {&mirror, 1}, {&slot, 1}, 1},
        {sums.data(), 1, kBox, kBox},
        1);
  }
  std::printf("%g\n", sums[0]);
  return 0;
}
