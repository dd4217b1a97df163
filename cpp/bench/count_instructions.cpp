// One small, fixed piece of work of the engine, to be counted by callgrind (bench/instructions.py).
//
// `cl2d_instructions about` tells compiler and kernels, `cl2d_instructions CASE` does the work of a
// case once. Only what happens within the functions `counted_...` is to be counted.
#include "cl2d/refine.hpp"
#include "cl2d/simd.hpp"
#include "cl2d/update.hpp"

#include "workload.hpp"

#include <cmath>
#include <complex>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

// Named for callgrind, hence neither inlined nor mangled.
#define CL2D_COUNTED extern "C" __attribute__((noinline)) void

namespace {

using cl2d::bench::Workload;

constexpr cl2d::bench::GridSizes kSizes{64, 21, 30.0 / 64};  // 128 angles
constexpr std::int64_t kImages = 122;                        // the last tile is not full
constexpr std::int64_t kReferences = 5;
constexpr std::int64_t kSearchedTiles = 2;

/// A class and a pose for every image, as a search could have found them.
struct Assigned {
  explicit Assigned(const Workload& workload);

  std::vector<std::int32_t> labels;
  std::vector<double> psi_rad;
  std::vector<double> shift_xy;
  std::vector<std::uint8_t> mirror;
  std::vector<float> scores;
  std::vector<std::complex<double>> sums;
};

Assigned::Assigned(const Workload& workload) : scores(kImages) {
  const cl2d::PolarGrid& grid = workload.block.grid();
  for (std::int64_t i = 0; i < kImages; ++i) {
    const auto at = static_cast<std::size_t>(2 * (i % workload.n_shifts()));
    labels.push_back(static_cast<std::int32_t>(i % kReferences));
    psi_rad.push_back(0.1 * static_cast<double>(i));
    shift_xy.insert(shift_xy.end(), {workload.shifts[at], workload.shifts[at + 1]});
    mirror.push_back(i % 2 == 0);
  }
  sums.resize(static_cast<std::size_t>(kReferences * grid.n_rings() * grid.n_half_angles()));
}

}  // namespace

CL2D_COUNTED counted_search(Workload* workload) {
  workload->search({0, kSearchedTiles}, workload->n_shifts());
}

CL2D_COUNTED counted_search_at_one_shift(Workload* workload) {
  workload->search({0, workload->block.n_tiles()}, 1);
}

CL2D_COUNTED counted_refine(Workload* workload, Assigned* assigned) {
  const cl2d::RefineOptions options{
      2 * std::acos(-1.0) / workload->block.grid().n_angles(), 0.5, 2, 0.1 * kSizes.working_box_px};
  cl2d::refine(workload->block,
               {0, workload->block.n_tiles()},
               workload->reference_view(),
               options,
               {assigned->labels.data(),
                assigned->psi_rad.data(),
                assigned->shift_xy.data(),
                assigned->mirror.data(),
                assigned->scores.data()});
}

CL2D_COUNTED counted_update(Workload* workload, Assigned* assigned) {
  cl2d::accumulate(
      workload->block,
      assigned->labels.data(),
      {assigned->psi_rad.data(), assigned->shift_xy.data(), assigned->mirror.data(), kImages},
      assigned->sums.data(),
      kReferences,
      1);
}

namespace {

void print_about() {
#ifdef __clang__
  std::printf("clang %d\n", __clang_major__);
#else
  std::printf("gcc %d\n", __GNUC__);
#endif
  for (const std::string& level : cl2d::available_simd_levels()) std::printf("%s\n", level.c_str());
}

bool run(const std::string& name) {
  Workload workload(kSizes, kImages, kReferences);
  Assigned assigned(workload);
  if (name == "search") {
    counted_search(&workload);
  } else if (name == "search_at_one_shift") {
    counted_search_at_one_shift(&workload);
  } else if (name == "refine") {
    counted_refine(&workload, &assigned);
  } else if (name == "update") {
    counted_update(&workload, &assigned);
  } else {
    return false;
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string name = argc == 2 ? argv[1] : "";
  if (name == "about") {
    print_about();
    return 0;
  }
  if (run(name)) return 0;
  std::fprintf(stderr, "the case must be one that is counted, not '%s'\n", name.c_str());
  return 2;
}
