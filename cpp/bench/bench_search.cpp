// Speed of the search on one thread, as a share of the multiply-add rate of the machine.
//
// For each grid and each kind of kernel: nanoseconds for one image, reference and shift with all
// rotations and both mirrors, the rate of useful operations, and whether the goal was reached.
#include "cl2d/grid.hpp"
#include "cl2d/simd.hpp"

#include "multiply_add.hpp"
#include "workload.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <functional>
#include <string>
#include <vector>

namespace {

using cl2d::PolarGrid;
using cl2d::bench::GridSizes;
using cl2d::bench::Workload;

constexpr double kGoal = 0.5;  // of the multiply-add rate, for useful operations
constexpr int kRepeats = 9;
constexpr std::int64_t kImages = 256;
constexpr std::int64_t kReferences = 8;
constexpr int kMultiplyAddRounds = 20'000;

// The grids of bench/speed.py.
constexpr GridSizes kCases[] = {{28, 12}, {48, 20}, {64, 21, 30.0 / 64}, {64, 28}};

// Processor time: what else the machine does then counts little.
double seconds_of(const std::function<void()>& action) {
  const std::clock_t started = std::clock();
  action();
  return static_cast<double>(std::clock() - started) / CLOCKS_PER_SEC;
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// Four multiply-adds a coefficient serve both mirrors, one complex transform all their angles.
double useful_operations(const PolarGrid& grid) {
  return 8.0 * grid.n_coefficients() + 5.0 * grid.n_angles() * std::log2(grid.n_angles());
}

void print_case(const GridSizes& sizes, const std::string& level) {
  cl2d::set_simd_level(level);
  Workload workload(sizes, kImages, kReferences);
  const double useful = useful_operations(workload.block.grid());
  const double pairs = static_cast<double>(workload.n_shifts() * kImages * kReferences);
  const auto search = [&] { workload.search({0, workload.block.n_tiles()}, workload.n_shifts()); };
  float sum = 0;
  std::vector<double> pair_seconds, possible, shares;
  search();  // warms up
  // In turn, so that a passing load slows both alike.
  for (int repeat = 0; repeat < kRepeats; ++repeat) {
    double operations = 0;
    const double loop = seconds_of(
        [&] { operations = cl2d::bench::multiply_add(level, kMultiplyAddRounds, &sum); });
    possible.push_back(operations / loop);
    pair_seconds.push_back(seconds_of(search) / pairs);
    shares.push_back(useful / pair_seconds.back() / possible.back());
  }
  const double share = median(shares);
  std::printf("%3d/%-3d %-9s %8.1f %10.1f %12.1f %7.1f %%  %s%s\n",
              sizes.working_box_px,
              sizes.k_max,
              level.c_str(),
              1e9 * median(pair_seconds),
              1e-9 * useful / median(pair_seconds),
              1e-9 * median(possible),
              100 * share,
              share >= kGoal ? "reached" : "missed",
              std::isfinite(sum) ? "" : " (the multiply-add loop overflowed)");
}

}  // namespace

int main() {
  std::printf("one thread; goal: %.0f %% of the multiply-add rate\n", 100 * kGoal);
  std::printf("%7s %-9s %8s %10s %12s %9s  %s\n",
              "grid",
              "kernels",
              "ns/pair",
              "Gflop/s",
              "multiply-add",
              "share",
              "goal");
  for (const GridSizes& sizes : kCases) {
    for (const std::string& level : cl2d::available_simd_levels()) print_case(sizes, level);
  }
  return 0;
}
