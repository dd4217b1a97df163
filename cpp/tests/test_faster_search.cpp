#include "cl2d/simd.hpp"

#include "faster_search.hpp"
#include "hand_made_grid.hpp"

#include <doctest/doctest.h>

#include <vector>

namespace {

using cl2d::kernels::GridView;
using cl2d::kernels::SearchTask;
using cl2d::kernels::Table;

/// Each search of the table done thirty times: no disturbance makes up for that in every round.
void search_again_and_again(const GridView& grid, const SearchTask& task) {
  for (int i = 0; i < 30; ++i) cl2d::kernels::kBaselineTable.search(grid, task);
}

}  // namespace

TEST_CASE("of two sets of kernels the faster is found, whichever is named first") {
  Table slow = cl2d::kernels::kBaselineTable;
  slow.search = search_again_and_again;
  const Table* fast = &cl2d::kernels::kBaselineTable;
  CHECK(cl2d::faster_search(fast, &slow) == fast);
  CHECK(cl2d::faster_search(&slow, fast) == fast);
}
