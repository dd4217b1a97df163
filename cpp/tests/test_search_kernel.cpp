#include "hand_made_grid.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <vector>

using namespace cl2d::testing;

namespace {

/// Columns as c + d and c - d; order 0 is real.
Floats noise_columns(const GridView& grid, std::int64_t n_columns, unsigned seed) {
  Floats columns = noise(n_columns * grid.n_coefficients * 2, seed);
  for (std::int64_t c = 0; c < n_columns; ++c) {
    for (int i = 0; i < grid.n_rings; ++i) {
      const std::int64_t at = 2 * (c * grid.n_coefficients + i);
      columns[at + 1] = columns[at];
    }
  }
  return columns;
}

/// Correlation of one lane with one column at every angle.
std::vector<double> correlations(
    const HandMadeGrid& grid, const Floats& tile, int lane, const float* column, bool mirror) {
  std::vector<double> values(static_cast<std::size_t>(grid.view.n_angles));
  for (int m = 0; m < grid.view.n_orders; ++m) {
    Complex product;
    for (int ring = grid.first_ring[static_cast<std::size_t>(m)]; ring < grid.view.n_rings;
         ++ring) {
      const int i = grid.index(m, ring);
      const double s = column[2 * i], t = column[2 * i + 1];
      const Complex b{(s + t) / 2, (s - t) / 2};
      product += std::conj(coefficient(tile, i, lane)) * (mirror ? std::conj(b) : b);
    }
    for (int j = 0; j < grid.view.n_angles; ++j) {
      const double turned = (product * std::polar(1.0, kTwoPi * m * j / grid.view.n_angles)).real();
      values[static_cast<std::size_t>(j)] += (m > 0 ? 2 : 1) * turned;
    }
  }
  return values;
}

}  // namespace

TEST_CASE("the search kernel finds the best angle, mirror and shift of each reference") {
  on_every_grid_with_every_table([](const HandMadeGrid& grid, const Table& table) {
    const GridView& view = grid.view;
    const Floats tile = noise_tile(grid, 6);
    // Fewer shifts than columns in flight, just as many, and remainders; of one shift as many
    // references.
    for (const int n_shifts : {1, 2, 5, 6, 10}) {
      const int n_references = n_shifts == 1 ? 8 : 2;
      const Floats columns = noise_columns(view, n_references * n_shifts, 7);
      for (const int with_mirrors : {0, 1}) {
        Floats workspace(table.search_workspace(view)), scores(n_references * kLanes);
        std::vector<std::int32_t> codes(static_cast<std::size_t>(n_references * kLanes));
        table.search(view,
                     {tile.get(),
                      columns.get(),
                      n_references,
                      n_shifts,
                      with_mirrors,
                      workspace.get(),
                      scores.get(),
                      codes.data()});
        for (const int at : {0, 7, 15, 16, 31, 47, 80, 127}) {
          if (at >= n_references * kLanes) continue;
          const std::int64_t first = at / kLanes * n_shifts;
          std::vector<double> by_code;
          for (std::int64_t column = first; column < first + n_shifts; ++column) {
            for (const bool mirror : {false, true}) {
              const float* from = columns.get() + column * view.n_coefficients * 2;
              std::vector<double> values = correlations(grid, tile, at % kLanes, from, mirror);
              if (mirror && with_mirrors == 0) values.assign(values.size(), -1e30);
              by_code.insert(by_code.end(), values.begin(), values.end());
            }
          }
          const double best = *std::max_element(by_code.begin(), by_code.end());
          const auto code = static_cast<std::size_t>(codes[static_cast<std::size_t>(at)]);
          REQUIRE(code < by_code.size());
          // The inverse DFT adds up to 128 sums like the one that kTolerance is for.
          CHECK(std::abs(scores[at] - best) < kTolerance * std::max(1.0, best));
          CHECK(std::abs(by_code[code] - best) < kTolerance * std::max(1.0, best));
        }
      }
    }
  });
}
