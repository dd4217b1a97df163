#include "hand_made_grid.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <vector>

using namespace cl2d::testing;

TEST_CASE("analysis gives the coefficients of the stored orders") {
  on_every_grid_with_every_table([](const HandMadeGrid& grid, const Table& table) {
    const GridView& view = grid.view;
    const Floats polar = noise(polar_floats(view), 1);
    Floats workspace(table.synthesis_workspace(view));
    Floats coefficients(static_cast<std::int64_t>(view.n_coefficients) * 2 * kLanes);
    table.analyse(view, {polar.get(), workspace.get(), coefficients.get()});
    const int half = view.n_angles / 2;
    double largest = 0;
    for (int m = 0; m < view.n_orders; ++m) {
      for (int ring = grid.first_ring[static_cast<std::size_t>(m)]; ring < view.n_rings; ++ring) {
        for (const int lane : {0, 5, 15}) {
          Complex expected;
          for (int j = 0; j < half; ++j) {
            const Complex sample = polar.at(ring * half + j, lane);
            const double theta = kTwoPi * j / view.n_angles;
            expected += sample * std::polar(1.0, -m * theta);
            expected += std::conj(sample) * std::polar(1.0, -m * (theta + kTwoPi / 2));
          }
          expected /= view.n_angles;
          largest =
              std::max(largest, std::abs(coefficients.at(grid.index(m, ring), lane) - expected));
        }
      }
    }
    CHECK(largest < kTolerance);
  });
}

TEST_CASE("synthesis turns each lane by its own angle and mirrors where asked") {
  on_every_grid_with_every_table([](const HandMadeGrid& grid, const Table& table) {
    const GridView& view = grid.view;
    const Floats tile = noise_tile(grid, 2);
    Floats phases(static_cast<std::int64_t>(view.n_orders) * 2 * kLanes);
    float mirror_sign[kLanes];
    for (int lane = 0; lane < kLanes; ++lane) {
      mirror_sign[lane] = lane % 3 == 1 ? -1.0F : 1.0F;
      for (int m = 0; m < view.n_orders; ++m) {
        phases[m * 2 * kLanes + lane] = static_cast<float>(std::cos(m * 0.4 * lane));
        phases[m * 2 * kLanes + kLanes + lane] = static_cast<float>(std::sin(m * 0.4 * lane));
      }
    }
    Floats workspace(table.synthesis_workspace(view)), polar(polar_floats(view));
    table.synthesise(view, {tile.get(), phases.get(), mirror_sign, workspace.get(), polar.get()});
    const int half = view.n_angles / 2;
    double largest = 0;
    for (int ring = 0; ring < view.n_rings; ++ring) {
      for (int j = 0; j < half; ++j) {
        for (const int lane : {0, 1, 4, 15}) {
          const double met = kTwoPi * j / view.n_angles, psi = 0.4 * lane;
          const double theta = mirror_sign[lane] < 0 ? kTwoPi / 2 - psi - met : met - psi;
          const Complex expected = ring_at(grid, tile, ring, lane, theta);
          largest = std::max(largest, std::abs(polar.at(ring * half + j, lane) - expected));
        }
      }
    }
    CHECK(largest < kTolerance);
  });
}

TEST_CASE("a ramp multiplies ring after ring by one more step") {
  on_every_grid_with_every_table([](const HandMadeGrid& grid, const Table& table) {
    const GridView& view = grid.view;
    const std::int64_t half = view.n_angles / 2;
    const Floats before = noise(polar_floats(view), 3);
    Floats polar = noise(polar_floats(view), 3);
    Floats first(half * 2 * kLanes), step(half * 2 * kLanes);
    for (std::int64_t i = 0; i < half * kLanes; ++i) {
      const std::int64_t at = i / kLanes * 2 * kLanes + i % kLanes;
      const double angle = 0.01 * static_cast<double>(i);
      first[at] = static_cast<float>(std::cos(3 * angle));
      first[at + kLanes] = static_cast<float>(std::sin(3 * angle));
      step[at] = static_cast<float>(std::cos(angle));
      step[at + kLanes] = static_cast<float>(std::sin(angle));
    }
    table.ramp(view, {first.get(), step.get(), polar.get()});
    double largest = 0;
    for (int ring = 0; ring < view.n_rings; ++ring) {
      for (std::int64_t i = 0; i < half * kLanes; ++i) {
        const std::int64_t sample = ring * half + i / kLanes;
        const int lane = static_cast<int>(i % kLanes);
        const Complex expected =
            before.at(sample, lane) * std::polar(1.0, (3 + ring) * 0.01 * static_cast<double>(i));
        largest = std::max(largest, std::abs(polar.at(sample, lane) - expected));
      }
    }
    CHECK(largest < kTolerance);
  });
}

TEST_CASE("a derivative of a sum of orders is that of each order") {
  on_every_grid_with_every_table([](const HandMadeGrid& grid, const Table& table) {
    const GridView& view = grid.view;
    const int half = view.n_angles / 2;
    const int order = std::min(view.n_orders - 1, 3);
    // exp(i m theta) + (-1)^m exp(-i m theta): what a real image has of one order.
    Floats polar(polar_floats(view));
    for (int i = 0; i < view.n_rings * half; ++i) {
      const double angle = order * kTwoPi * (i % half) / view.n_angles;
      for (int lane = 0; lane < kLanes; ++lane) {
        polar[i * 2 * kLanes + lane] =
            order % 2 == 0 ? static_cast<float>(lane * std::cos(angle)) : 0;
        polar[i * 2 * kLanes + kLanes + lane] =
            order % 2 == 0 ? 0 : static_cast<float>(lane * std::sin(angle));
      }
    }
    Floats workspace(table.synthesis_workspace(view));
    Floats first(polar_floats(view)), second(polar_floats(view));
    table.differentiate(view, {polar.get(), workspace.get(), first.get(), second.get()});
    double largest = 0;
    for (int i = 0; i < view.n_rings * half; ++i) {
      const double angle = order * kTwoPi * (i % half) / view.n_angles;
      for (const int lane : {0, 3, 15}) {
        const Complex slope = order % 2 == 0 ? Complex(-lane * order * std::sin(angle), 0)
                                             : Complex(0, lane * order * std::cos(angle));
        const Complex value = polar.at(i, lane);
        largest = std::max(largest, std::abs(first.at(i, lane) - slope));
        largest = std::max(largest, std::abs(second.at(i, lane) + double(order * order) * value));
      }
    }
    // Rounding of values up to 15 in bins of orders up to 64, times the square of the order.
    CHECK(largest < kTolerance * 64);
  });
}
