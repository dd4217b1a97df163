// Grids put together by hand, tiles of noise and their values by definition: what the tests of the
// kernels start from.
#pragma once

#include "cl2d/aligned_buffer.hpp"
#include "cl2d/grid.hpp"
#include "cl2d/simd.hpp"

#include "angular_dft.hpp"
#include "kernels/kernels.hpp"
#include "slow_alignment.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <random>
#include <string>
#include <vector>

namespace cl2d::kernels {
extern const Table kWidestTable;
}

namespace cl2d::testing {

using cl2d::kLanes;
using cl2d::kernels::GridView;
using cl2d::kernels::Table;
using cl2d::slow::kTwoPi;
using Complex = std::complex<double>;

// N terms near 1 of either sign: partial sums reach sqrt(N), each addition rounds by 6e-8 of that,
// and the roundings walk at random, which makes N 6e-8; N is 3 rings of 128 angles, and 2 for
// tails.
constexpr double kTolerance = 384 * 6e-8 * 2;

/// A grid put together by hand, so that the stages of the DFT can come in any order.
struct HandMadeGrid {
  HandMadeGrid(int rings, int n_orders, std::vector<int> stages)
      : radices(std::move(stages)), half(product(radices) / 2) {
    const int n = product(radices);
    int length = n;
    for (const int radix : radices) {
      for (int p = 0; p < length / radix; ++p) {
        for (int j = 1; j < radix; ++j) {
          twiddles.push_back(static_cast<float>(std::cos(kTwoPi * p * j / length)));
          twiddles.push_back(static_cast<float>(std::sin(kTwoPi * p * j / length)));
        }
      }
      length /= radix;
    }
    int n_coefficients = 0;
    for (int m = 0; m < n_orders; ++m) {
      first_ring.push_back(m * rings / n_orders);  // a triangle; every ring carries order 0
      n_coefficients += rings - first_ring.back();
    }
    for (int j = 0; j < n / 2; ++j) {
      turns.push_back(static_cast<float>(std::cos(kTwoPi * j / n)));
      turns.push_back(static_cast<float>(std::sin(kTwoPi * j / n)));
    }
    view = {rings,
            n_orders,
            n,
            n_coefficients,
            first_ring.data(),
            {n, static_cast<int>(radices.size()), radices.data(), twiddles.data()},
            half.plan(),
            turns.data()};
  }
  HandMadeGrid(const HandMadeGrid&) = delete;
  HandMadeGrid& operator=(const HandMadeGrid&) = delete;

  static int product(const std::vector<int>& factors) {
    int n = 1;
    for (const int factor : factors) n *= factor;
    return n;
  }

  /// Where coefficient (order, ring) is stored, -1 if it is not.
  int index(int order, int ring) const {
    int offset = 0;
    for (int m = 0; m < order; ++m)
      offset += view.n_rings - first_ring[static_cast<std::size_t>(m)];
    const int below = ring - first_ring[static_cast<std::size_t>(order)];
    return below < 0 ? -1 : offset + below;
  }

  std::vector<int> radices, first_ring;
  std::vector<float> twiddles, turns;
  cl2d::DftTables half;
  GridView view{};
};

inline std::vector<const Table*> tables() {
  std::vector<const Table*> all{&cl2d::kernels::kWidestTable};
  const std::string before = cl2d::simd_level();
  for (const std::string& level : cl2d::available_simd_levels()) {
    cl2d::set_simd_level(level);
    all.push_back(&cl2d::kernels::active_table());
  }
  cl2d::set_simd_level(before);
  return all;
}

/// Every stage last, first and in between; every remainder of orders against angles.
template <typename Check>
void on_every_grid_with_every_table(Check check) {
  const std::vector<std::vector<int>> stages{{4},
                                             {2, 3},
                                             {4, 2},
                                             {2, 4},
                                             {4, 3},
                                             {3, 4},
                                             {5, 4},
                                             {4, 5},
                                             {5, 3, 4},
                                             {4, 3, 5},
                                             {3, 5, 4},
                                             {2, 5, 3, 2},
                                             {5, 5, 4},
                                             {2, 3, 4, 4},
                                             {5, 4, 4},
                                             {2, 4, 4, 4}};
  for (const std::vector<int>& radices : stages) {
    int n = 1;
    for (const int radix : radices) n *= radix;
    for (const int n_orders : {n / 2, std::max(1, n / 2 - 3)}) {
      const HandMadeGrid grid(3, n_orders, radices);
      for (const Table* table : tables()) {
        const std::string name = table->name;
        CAPTURE(name);
        CAPTURE(n);
        CAPTURE(n_orders);
        check(grid, *table);
      }
    }
  }
}

struct Floats {
  explicit Floats(std::int64_t n)
      : size(n), data(cl2d::make_aligned_buffer(static_cast<std::size_t>(n))) {}
  float& operator[](std::int64_t i) { return data[static_cast<std::size_t>(i)]; }
  float operator[](std::int64_t i) const { return data[static_cast<std::size_t>(i)]; }
  float* get() { return data.get(); }
  const float* get() const { return data.get(); }
  /// Value `i` of a lane, its parts 16 floats apart.
  Complex at(std::int64_t i, int lane) const {
    return {(*this)[i * 2 * kLanes + lane], (*this)[i * 2 * kLanes + kLanes + lane]};
  }
  std::int64_t size;
  cl2d::AlignedBuffer data;
};

inline Floats noise(std::int64_t n, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  Floats values(n);
  for (std::int64_t i = 0; i < n; ++i) values[i] = normal(generator);
  return values;
}

inline std::int64_t polar_floats(const GridView& grid) {
  return static_cast<std::int64_t>(grid.n_rings) * grid.n_angles * kLanes;
}

/// A tile as p + q and p - q; order 0 is real.
inline Floats noise_tile(const HandMadeGrid& grid, unsigned seed) {
  Floats tile = noise(static_cast<std::int64_t>(grid.view.n_coefficients) * 2 * kLanes, seed);
  for (int i = 0; i < grid.view.n_rings; ++i) {
    for (int lane = 0; lane < kLanes; ++lane) {
      tile[i * 2 * kLanes + kLanes + lane] = tile[i * 2 * kLanes + lane];
    }
  }
  return tile;
}

inline Complex coefficient(const Floats& tile, int index, int lane) {
  const Complex uv = tile.at(index, lane);
  return {(uv.real() + uv.imag()) / 2, (uv.real() - uv.imag()) / 2};
}

/// One ring of a lane at any angle: the sum over its orders, negative ones by symmetry.
inline Complex ring_at(
    const HandMadeGrid& grid, const Floats& tile, int ring, int lane, double theta) {
  Complex sum;
  for (int m = 0; m < grid.view.n_orders; ++m) {
    const int index = grid.index(m, ring);
    if (index < 0) continue;
    const Complex a = coefficient(tile, index, lane);
    sum += a * std::polar(1.0, m * theta);
    if (m > 0) sum += (m % 2 == 0 ? 1.0 : -1.0) * std::conj(a) * std::polar(1.0, -m * theta);
  }
  return sum;
}

}  // namespace cl2d::testing
