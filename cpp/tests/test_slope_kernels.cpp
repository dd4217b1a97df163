#include "hand_made_grid.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstdint>
#include <vector>

using namespace cl2d::testing;

namespace {

constexpr int kParts = 6;

double theta_of(const GridView& grid, int j) { return kTwoPi * j / grid.n_angles; }

/// A tile with its poses: turns by 0.4 rad a lane, some mirrored, and a shift of each lane.
struct PosedTile {
  PosedTile(const HandMadeGrid& hand_made, const Table& table)
      : grid(hand_made),
        tile(noise_tile(hand_made, 21)),
        phases(static_cast<std::int64_t>(grid.view.n_orders) * 2 * kLanes),
        first(static_cast<std::int64_t>(grid.view.n_angles) * kLanes),
        step(static_cast<std::int64_t>(grid.view.n_angles) * kLanes) {
    for (int lane = 0; lane < kLanes; ++lane) {
      mirror_sign[lane] = lane % 3 == 1 ? -1.0F : 1.0F;
      x_rad[lane] = 0.1F * static_cast<float>(lane - 7);
      y_rad[lane] = 0.07F * static_cast<float>(5 - lane);
      for (int m = 0; m < grid.view.n_orders; ++m) {
        phases[m * 2 * kLanes + lane] = static_cast<float>(std::cos(m * 0.4 * lane));
        phases[m * 2 * kLanes + kLanes + lane] = static_cast<float>(std::sin(m * 0.4 * lane));
      }
    }
    table.shift_phases(grid.view, {x_rad, y_rad, kMin, first.get(), step.get()});
  }
  /// The image in the frame of its reference, by definition.
  Complex sample(int ring, int j, int lane) const {
    const double psi = 0.4 * lane, met = theta_of(grid.view, j);
    const double theta = mirror_sign[lane] < 0 ? kTwoPi / 2 - psi - met : met - psi;
    const double phase = x_rad[lane] * std::cos(met) + y_rad[lane] * std::sin(met);
    return ring_at(grid, tile, ring, lane, theta) * std::polar(1.0, (double{kMin} + ring) * phase);
  }

  static constexpr float kMin = 2;
  const HandMadeGrid& grid;
  Floats tile, phases, first, step;
  float mirror_sign[kLanes], x_rad[kLanes], y_rad[kLanes];
};

}  // namespace

TEST_CASE("phases of shifts are cosines and sines of any angle") {
  on_every_grid_with_every_table([](const HandMadeGrid& grid, const Table& table) {
    const GridView& view = grid.view;
    Floats first(view.n_angles * kLanes), step(view.n_angles * kLanes);
    float x_rad[kLanes], y_rad[kLanes];
    for (int lane = 0; lane < kLanes; ++lane) {
      x_rad[lane] = 0.7F * static_cast<float>(lane - 8);
      y_rad[lane] = 0.4F * static_cast<float>(3 - lane);
    }
    for (const float k_min : {1.0F, 3.0F}) {
      table.shift_phases(view, {x_rad, y_rad, k_min, first.get(), step.get()});
      double largest = 0;
      for (int j = 0; j < view.n_angles / 2; ++j) {
        for (int lane = 0; lane < kLanes; ++lane) {
          const double theta = theta_of(view, j);
          const double phase = x_rad[lane] * std::cos(theta) + y_rad[lane] * std::sin(theta);
          largest = std::max(largest, std::abs(step.at(j, lane) - std::polar(1.0, phase)));
          largest = std::max(largest, std::abs(first.at(j, lane) - std::polar(1.0, k_min * phase)));
        }
      }
      // Angles up to 22 rad in float are known to 2e-6.
      CHECK(largest < 4e-6);
    }
  });
}

TEST_CASE("slopes are sums over the products of image and reference") {
  on_every_grid_with_every_table([](const HandMadeGrid& grid, const Table& table) {
    const GridView& view = grid.view;
    const int half = view.n_angles / 2;
    const PosedTile posed(grid, table);
    const Floats references = noise(std::int64_t{kParts} * view.n_rings * half * kLanes, 22);
    Floats workspace(table.synthesis_workspace(view)), sums(10 * kLanes);
    table.slopes(
        view,
        {{posed.tile.get(), posed.phases.get(), posed.mirror_sign, workspace.get(), nullptr},
         posed.first.get(),
         posed.step.get(),
         references.get(),
         PosedTile::kMin,
         sums.get()});
    double largest = 0;
    for (const int lane : {0, 1, 6, 15}) {
      double expected[10] = {};
      for (int i = 0; i < view.n_rings * half; ++i) {
        const Complex image = std::conj(posed.sample(i / half, i % half, lane));
        const Complex product = image * references.at(3 * i, lane);
        const Complex by_w = image * references.at(3 * i + 1, lane);
        const double theta = theta_of(view, i % half), k = double{PosedTile::kMin} + i / half;
        const double x = k * std::cos(theta), y = k * std::sin(theta);
        // A shift multiplies the reference by exp(-i (x t_x + y t_y)).
        const Complex by_x(0, -x), by_y(0, -y);
        const Complex terms[10] = {product,
                                   by_w,
                                   by_x * product,
                                   by_y * product,
                                   image * references.at(3 * i + 2, lane),
                                   by_x * by_w,
                                   by_y * by_w,
                                   by_x * by_x * product,
                                   by_x * by_y * product,
                                   by_y * by_y * product};
        for (int s = 0; s < 10; ++s) expected[s] += terms[s].real() * 2 / view.n_angles;
      }
      for (int s = 0; s < 10; ++s) {
        largest = std::max(largest, std::abs(sums[s * kLanes + lane] - expected[s]));
      }
    }
    // Rings up to 4 count 16 times in the curvatures; samples are sums of up to 127 orders.
    CHECK(largest < 16 * kTolerance);
  });
}
