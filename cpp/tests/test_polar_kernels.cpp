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

TEST_CASE("neighbours are correlations with the reference moved by steps in x and y") {
  on_every_grid_with_every_table([](const HandMadeGrid& grid, const Table& table) {
    const GridView& view = grid.view;
    const Floats images = noise(polar_floats(view), 4), references = noise(polar_floats(view), 5);
    const std::int64_t n_samples = static_cast<std::int64_t>(view.n_rings) * (view.n_angles / 2);
    std::vector<float> step_x, step_y;
    const auto phase_x = [](std::int64_t i) { return 0.3 * std::sin(static_cast<double>(i)); };
    const auto phase_y = [](std::int64_t i) { return 0.2 * std::cos(static_cast<double>(i)); };
    for (std::int64_t i = 0; i < n_samples; ++i) {
      step_x.push_back(static_cast<float>(std::cos(phase_x(i))));
      step_x.push_back(static_cast<float>(std::sin(phase_x(i))));
      step_y.push_back(static_cast<float>(std::cos(phase_y(i))));
      step_y.push_back(static_cast<float>(std::sin(phase_y(i))));
    }
    Floats scores(9 * kLanes);
    table.neighbours(view,
                     {images.get(), references.get(), step_x.data(), step_y.data(), scores.get()});
    double largest = 0;
    for (int at = 0; at < 9; ++at) {
      for (int lane = 0; lane < kLanes; ++lane) {
        double expected = 0;
        for (std::int64_t i = 0; i < n_samples; ++i) {
          const double phase = (at % 3 - 1) * phase_x(i) + (at / 3 - 1) * phase_y(i);
          expected +=
              (std::conj(images.at(i, lane)) * references.at(i, lane) * std::polar(1.0, -phase))
                  .real();
        }
        expected *= 2.0 / view.n_angles;
        largest = std::max(largest, std::abs(scores[at * kLanes + lane] - expected));
      }
    }
    CHECK(largest < kTolerance);
  });
}
