#include "engine_inputs.hpp"

#include <doctest/doctest.h>

#include <set>
#include <stdexcept>

using cl2d::PolarGrid;
using cl2d::testing::GridSizes;
using cl2d::testing::kGrids;

namespace {

bool is_angle_count(int n) {
  if (n < 4 || n % 4 != 0) return false;
  for (const int prime : {2, 3, 5}) {
    while (n % prime == 0) n /= prime;
  }
  return n == 1;
}

}  // namespace

TEST_CASE("the angle count is the smallest that is large enough and has a fast transform") {
  for (int n = -3; n < 2000; ++n) {
    const int count = cl2d::next_angle_count(n);
    REQUIRE(is_angle_count(count));
    REQUIRE(count >= n);
    for (int smaller = std::max(n, 1); smaller < count; ++smaller)
      REQUIRE(!is_angle_count(smaller));
  }
}

TEST_CASE("angles resolve the highest order of the outermost ring") {
  for (const GridSizes& sizes : kGrids) {
    const PolarGrid grid = sizes.grid();
    CHECK(grid.n_angles() == sizes.n_angles);
    CHECK(grid.n_half_angles() * 2 == grid.n_angles());
    // Order n_angles / 2 would be its own mirror image.
    CHECK(grid.n_orders() <= grid.n_angles() / 2);
    CHECK(grid.n_orders() == grid.max_order(grid.n_rings() - 1) + 1);
  }
}

TEST_CASE("each order is stored from the first ring that carries it") {
  for (const GridSizes& sizes : kGrids) {
    const PolarGrid grid = sizes.grid();
    int stored = 0;
    for (int order = 0; order < grid.n_orders(); ++order) {
      for (int ring = 0; ring < grid.n_rings(); ++ring) {
        REQUIRE((ring >= grid.first_ring(order)) == (order <= grid.max_order(ring)));
        stored += order <= grid.max_order(ring) ? 1 : 0;
      }
    }
    CHECK(grid.n_coefficients() == stored);
  }
}

TEST_CASE("orders reach one beyond the circumference of the particle in ring wavelengths") {
  const PolarGrid grid(64, 2, 20, 24.0);
  for (int ring = 0; ring < grid.n_rings(); ++ring) {
    const double circumference = cl2d::slow::kTwoPi * (2 + ring) * 24.0 / 64;
    CHECK(grid.max_order(ring) >= circumference + 1);
    CHECK(grid.max_order(ring) < circumference + 2);
  }
}

TEST_CASE("the grids of these tests use every radix, and rings that do not begin at 1") {
  std::set<int> primes, first_rings;
  for (const GridSizes& sizes : kGrids) {
    for (const int prime : {3, 5, 8}) {
      if (sizes.n_angles % prime == 0) primes.insert(prime);
    }
    first_rings.insert(sizes.k_min);
  }
  CHECK(primes == std::set<int>{3, 5, 8});
  CHECK(first_rings.size() > 2);
}

TEST_CASE("grids that cannot be are refused with their numbers") {
  const char* rings = "rings must satisfy 1 <= k_min <= k_max < box_px / 2, not k_min = ";
  CHECK_THROWS_WITH_AS(PolarGrid(16, 0, 5, 6.0),
                       (std::string(rings) + "0, k_max = 5, box_px = 16").c_str(),
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(PolarGrid(16, 4, 3, 6.0),
                       (std::string(rings) + "4, k_max = 3, box_px = 16").c_str(),
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(PolarGrid(16, 1, 8, 6.0),
                       (std::string(rings) + "1, k_max = 8, box_px = 16").c_str(),
                       std::invalid_argument);
  for (const double radius : {0.0, -1.0, 16.5, std::nan("")}) {
    CHECK_THROWS_WITH_AS(PolarGrid(16, 1, 5, radius),
                         doctest::Contains("radius_px must be in (0, box_px], not"),
                         std::invalid_argument);
  }
}
