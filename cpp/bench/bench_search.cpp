// Speed of the search on one thread, as a share of the multiply-add rate of the machine.
//
// For each grid and each kind of kernel: nanoseconds for one image, reference and shift with all
// rotations and both mirrors, the rate of useful operations, and whether the goal was reached.
#include "cl2d/search.hpp"
#include "cl2d/simd.hpp"

#include "multiply_add.hpp"

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <functional>
#include <random>
#include <string>
#include <vector>

namespace {

using cl2d::ImageBlock;
using cl2d::PolarGrid;

constexpr double kGoal = 0.5;  // of the multiply-add rate, for useful operations
constexpr int kRepeats = 9;
constexpr std::int64_t kImages = 256;
constexpr std::int64_t kReferences = 8;
constexpr int kMultiplyAddRounds = 20'000;

struct Case {
  int working_box_px;
  int k_max;
};
// The grids of bench/speed.py.
constexpr Case kCases[] = {{28, 12}, {48, 20}, {64, 28}};

struct Workload {
  explicit Workload(const Case& sizes);
  void search();

  ImageBlock block;
  std::vector<std::complex<float>> references;
  std::vector<double> shifts;
  std::vector<float> scores;
  std::vector<std::int32_t> codes;
};

std::vector<double> shifts_within(double radius_px) {
  std::vector<double> shifts;
  const int reach = static_cast<int>(radius_px);
  for (int y = -reach; y <= reach; ++y) {
    for (int x = -reach; x <= reach; ++x) {
      if (std::hypot(x, y) <= radius_px) shifts.insert(shifts.end(), {double(x), double(y)});
    }
  }
  return shifts;
}

Workload::Workload(const Case& sizes)
    : block(PolarGrid(sizes.working_box_px, 1, sizes.k_max, 0.475 * sizes.working_box_px), kImages),
      shifts(shifts_within(0.1 * sizes.working_box_px)),
      scores(kImages * kReferences),
      codes(kImages * kReferences) {
  std::mt19937 random(0);
  std::normal_distribution<float> normal;
  const PolarGrid& grid = block.grid();
  // Of about norm 1, as the engine has them.
  const auto n_samples = static_cast<std::size_t>(grid.n_rings() * grid.n_half_angles());
  const float scale = 1.0F / std::sqrt(static_cast<float>(n_samples));
  for (std::size_t i = 0; i < kReferences * n_samples; ++i) {
    references.emplace_back(scale * normal(random), scale * normal(random));
  }
  std::vector<float> values(static_cast<std::size_t>(block.tile_floats()));
  for (std::int64_t tile = 0; tile < block.n_tiles(); ++tile) {
    for (float& value : values) value = scale * normal(random);
    block.set_tile(tile, values.data());
  }
}

void Workload::search() {
  cl2d::search(block,
               {0, block.n_tiles()},
               {references.data(), kReferences},
               {shifts.data(), static_cast<std::int64_t>(shifts.size() / 2)},
               {true, 1},
               scores.data(),
               codes.data());
}

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

void print_case(const Case& sizes, const std::string& level) {
  cl2d::set_simd_level(level);
  Workload workload(sizes);
  const double useful = useful_operations(workload.block.grid());
  const auto n_shifts = static_cast<double>(workload.shifts.size() / 2);
  const double pairs = n_shifts * kImages * kReferences;
  float sum = 0;
  std::vector<double> pair_seconds, possible, shares;
  workload.search();  // warms up
  // In turn, so that a passing load slows both alike.
  for (int repeat = 0; repeat < kRepeats; ++repeat) {
    double operations = 0;
    const double loop = seconds_of(
        [&] { operations = cl2d::bench::multiply_add(level, kMultiplyAddRounds, &sum); });
    possible.push_back(operations / loop);
    pair_seconds.push_back(seconds_of([&] { workload.search(); }) / pairs);
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
  for (const Case& sizes : kCases) {
    for (const std::string& level : cl2d::available_simd_levels()) print_case(sizes, level);
  }
  return 0;
}
