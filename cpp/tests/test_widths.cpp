// Whatever the width of a vector, a kernel does the same operations in the same order.
#include "cl2d/simd.hpp"

#include "hand_made_grid.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace cl2d::kernels {
#ifdef CL2D_X86_KERNELS
extern const Table kWidestFusedTable;
#endif
}  // namespace cl2d::kernels

namespace {

using namespace cl2d::testing;

struct Pair {
  const Table* narrow;
  const Table* wide;
};

/// Tables of different widths that round alike: none of a pair fuses multiply-adds, or both do.
std::vector<Pair> pairs() {
  std::vector<Pair> found{{&cl2d::kernels::kBaselineTable, &cl2d::kernels::kWidestTable}};
#ifdef CL2D_X86_KERNELS
  const std::vector<std::string> levels = cl2d::available_simd_levels();
  if (std::count(levels.begin(), levels.end(), "avx2") > 0) {
    found.push_back({&cl2d::kernels::kAvx2Table, &cl2d::kernels::kWidestFusedTable});
  }
#endif
  return found;
}

std::vector<float> copy_of(const Floats& values) {
  return std::vector<float>(values.get(), values.get() + values.size);
}

struct Found {
  std::vector<float> scores;
  std::vector<std::int32_t> codes;
};

Found searched(const Table& table,
               const GridView& view,
               const Floats& tile,
               const Floats& columns) {
  constexpr int kReferences = 2, kShifts = 7;  // a remainder for every number of columns in flight
  Floats workspace(table.search_workspace(view)), scores(kReferences * kLanes);
  std::vector<std::int32_t> codes(static_cast<std::size_t>(kReferences * kLanes));
  table.search(view,
               {tile.get(),
                columns.get(),
                kReferences,
                kShifts,
                1,
                workspace.get(),
                scores.get(),
                codes.data()});
  return {copy_of(scores), codes};
}

}  // namespace

TEST_CASE("a search gives the same bits at all widths") {
  const HandMadeGrid grid(3, 40, {5, 4, 4});
  const Floats tile = noise_tile(grid, 1);
  const Floats columns = noise(14LL * grid.view.n_coefficients * 2, 2);
  for (const Pair& pair : pairs()) {
    const Found narrow = searched(*pair.narrow, grid.view, tile, columns);
    const Found wide = searched(*pair.wide, grid.view, tile, columns);
    CHECK(narrow.scores == wide.scores);
    CHECK(narrow.codes == wide.codes);
  }
}

TEST_CASE("products of members with directions have the same bits at all widths") {
  for (const int dimension : {1, 15, 16, 17, 24, 40, 101}) {
    constexpr int kMembers = 5;
    const Floats rows = noise(kMembers * dimension, 3), directions = noise(4 * dimension, 4);
    const Floats weights = noise(kMembers * 4, 5);
    const cl2d::kernels::MembersView members{rows.get(), kMembers, dimension};
    for (const Pair& pair : pairs()) {
      Floats narrow(kMembers * 4), wide(kMembers * 4);
      pair.narrow->project_members(members, directions.get(), narrow.get());
      pair.wide->project_members(members, directions.get(), wide.get());
      CHECK(copy_of(narrow) == copy_of(wide));
      Floats narrow_sums(4 * dimension), wide_sums(4 * dimension);
      pair.narrow->combine_members(members, weights.get(), narrow_sums.get());
      pair.wide->combine_members(members, weights.get(), wide_sums.get());
      CHECK(copy_of(narrow_sums) == copy_of(wide_sums));
    }
  }
}

TEST_CASE("correntropy has the same bits at all widths") {
  for (const int n : {1, 15, 16, 17, 511, 512, 513, 1100}) {
    const Floats image = noise(n, 6), average = noise(n, 7), weights = noise(n, 8);
    for (const Pair& pair : pairs()) {
      const cl2d::kernels::CorrentropyTask task{
          image.get(), average.get(), weights.get(), n, -0.5F};
      CHECK(pair.narrow->correntropy(task) == pair.wide->correntropy(task));
    }
  }
}
