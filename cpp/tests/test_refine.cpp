#include "refined_particles.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <vector>

using namespace cl2d::testing;
using namespace cl2d::testing::refinement;

TEST_CASE("poses between the points of the grid are found") {
  const Particles particles(37);
  at_every_simd_level([&] {
    const State found = particles.refined();
    for (std::size_t i = 0; i < 37; ++i) {
      // The last step is below a tenth of 5.6 degrees and 0.5 px, and Newton's method squares that.
      // What remains is how the images were sampled.
      CHECK(turned(found.psi_rad[i], particles.truth[i].psi_rad) < 0.03 * kDegree);
      CHECK(std::abs(found.shift_px[i][0] - particles.truth[i].x) < 0.005);
      CHECK(std::abs(found.shift_px[i][1] - particles.truth[i].y) < 0.005);
    }
  });
}

TEST_CASE("the score is the correlation at the refined pose, and higher than before") {
  const Particles particles(20);
  const std::vector<double> before =
      exact_scores(particles.block, particles.reference, State(particles.start));
  RefineOptions options = kOptions;
  for (options.n_rounds = 1; options.n_rounds <= kOptions.n_rounds; ++options.n_rounds) {
    const State found = particles.refined(options);
    const std::vector<double> after = exact_scores(particles.block, particles.reference, found);
    for (std::size_t i = 0; i < 20; ++i) {
      CHECK(after[i] > before[i] - 1e-6);
      if (options.n_rounds == kOptions.n_rounds) CHECK(after[i] > 0.999);
      // Float there and double here, and what third derivatives add within a fifth of a step.
      CHECK(std::abs(found.scores[i] - after[i]) < 1e-5);
      CHECK(found.scores[i] < 1 + 1e-5);
    }
  }
}

TEST_CASE("poses of noise rise to a local maximum too") {
  const int n = 24;
  const ImageBlock block = block_of(kGrid, noise_images(n, kBox, 63), Particles::weights());
  const Samples reference = Particles(1).reference;
  Shifts shifts;
  for (int x = -3; x <= 3; ++x) {
    for (int y = -3; y <= 3; ++y) {
      if (std::hypot(x, y) <= 3) shifts.push_back({double(x), double(y)});
    }
  }
  const Found found = searched(block, reference, shifts);
  std::vector<Pose> start;
  for (std::size_t i = 0; i < n; ++i) {
    const int code = found.codes[i], angles = kGrid.n_angles();
    const auto& shift = shifts[static_cast<std::size_t>(code / (2 * angles))];
    start.push_back(
        {code % angles * kOptions.step_rad, shift[0], shift[1], code / angles % 2 == 1});
  }
  State state(start);
  cl2d::refine(block, {0, 2}, view_of(reference, kGrid), kOptions, state.view());
  const std::vector<double> after = exact_scores(block, reference, state);
  double gain = 0;
  for (std::size_t i = 0; i < n; ++i) {
    // Rounding, and what third derivatives add within a tenth of a step.
    CHECK(std::abs(state.scores[i] - after[i]) < 1e-5);
    CHECK(after[i] > found.scores[i] - 2e-6);
    gain += after[i] - found.scores[i];
  }
  CHECK(gain > 0);
}

TEST_CASE("no pose beside the refined one fits better") {
  const int n = 20;
  const Particles particles(n);
  RefineOptions options = kOptions;
  options.n_rounds = 12;
  const State found = particles.refined(options);
  const std::vector<double> best = exact_scores(particles.block, particles.reference, found);
  for (const double direction : {-1.0, 1.0}) {
    for (int axis = 0; axis < 3; ++axis) {
      State beside = found;
      for (std::size_t i = 0; i < n; ++i) {
        // Far enough for the score to fall by more than its rounding, 1e-6.
        if (axis == 0) beside.psi_rad[i] += direction * 0.3 * kDegree;
        if (axis > 0) beside.shift_px[i][static_cast<std::size_t>(axis - 1)] += direction * 0.03;
      }
      const std::vector<double> scores = exact_scores(particles.block, particles.reference, beside);
      for (std::size_t i = 0; i < n; ++i) CHECK(scores[i] < best[i]);
    }
  }
}

TEST_CASE("refined shifts stay in the disc") {
  const Particles far(30, 6.0);
  for (const double bound : {0.0, 0.7, 3.0}) {
    RefineOptions options = kOptions;
    options.max_shift_px = bound;
    const State found = far.refined(options);
    int at_bound = 0;
    for (const auto& shift : found.shift_px) {
      const double length = std::hypot(shift[0], shift[1]);
      CHECK(length <= bound * (1 + 1e-12));
      at_bound += length >= bound * (1 - 1e-9) ? 1 : 0;
    }
    CHECK(at_bound > 5);  // particles beyond the bound, held at it
    const std::vector<double> exact = exact_scores(far.block, far.reference, found);
    for (std::size_t i = 0; i < 30; ++i) CHECK(std::abs(found.scores[i] - exact[i]) < 2e-6);
  }
}

TEST_CASE("images without a reference are left alone") {
  const Particles particles(20);
  State state(particles.start);
  state.references[3] = state.references[17] = -1;
  const State before = state;
  cl2d::refine(
      particles.block, {0, 2}, view_of(particles.reference, kGrid), kOptions, state.view());
  const State all = particles.refined();
  for (std::size_t i = 0; i < 20; ++i) {
    const State& expected = i == 3 || i == 17 ? before : all;
    CHECK(state.psi_rad[i] == expected.psi_rad[i]);
    CHECK(state.shift_px[i] == expected.shift_px[i]);
    CHECK(state.scores[i] == expected.scores[i]);
  }
}

TEST_CASE("each image is refined against its own reference") {
  const Particles particles(4);
  const cl2d::slow::Search search = slow_search(kGrid, Particles::weights(), {});
  Samples references = references_of(polar_of({noise_images(1, kBox, 64)}, kBox, search), search);
  references.insert(references.end(), particles.reference.begin(), particles.reference.end());
  State state(particles.start);
  state.references = {1, 1, 0, 1};
  cl2d::refine(particles.block, {0, 1}, view_of(references, kGrid), kOptions, state.view());
  const State all = particles.refined();
  for (const std::size_t i : {0, 1, 3}) CHECK(state.scores[i] == all.scores[i]);
  CHECK(state.scores[2] < 0.5F);
}

TEST_CASE("a zero image keeps its pose and scores 0") {
  State state({{1.0, 0.5, -0.5, true}});
  const ImageBlock block(kGrid, 1);
  cl2d::refine(block, {0, 1}, view_of(Particles(1).reference, kGrid), kOptions, state.view());
  CHECK(state.psi_rad[0] == 1.0);
  CHECK(state.shift_px[0] == std::array{0.5, -0.5});
  CHECK(state.scores[0] == 0.0F);
}

TEST_CASE("bits depend neither on threads nor on the other tiles") {
  const Particles particles(75);
  const State one = particles.refined();
  for (const int n_threads : {2, 3, 8}) {
    RefineOptions options = kOptions;
    options.n_threads = n_threads;
    CHECK(particles.refined(options) == one);
  }
  const std::vector<Pose> last(particles.start.begin() + 64, particles.start.end());
  State state(last);
  cl2d::refine(
      particles.block, {4, 1}, view_of(particles.reference, kGrid), kOptions, state.view());
  for (std::size_t i = 0; i < last.size(); ++i) CHECK(state.psi_rad[i] == one.psi_rad[64 + i]);
}

TEST_CASE("levels of kernels refine to the same poses") {
  const Particles particles(20);
  const State first = particles.refined();
  at_every_simd_level([&] {
    const State found = particles.refined();
    for (std::size_t i = 0; i < 20; ++i) {
      // Slopes differ by 1e-6 between levels, curvatures by steps of 5.6 degrees or 0.5 px are
      // above 0.03: 3e-5 steps.
      CHECK(turned(found.psi_rad[i], first.psi_rad[i]) < 1e-3 * kDegree);
      CHECK(std::abs(found.shift_px[i][0] - first.shift_px[i][0]) < 1e-3);
      CHECK(std::abs(found.shift_px[i][1] - first.shift_px[i][1]) < 1e-3);
    }
  });
}

TEST_CASE("options and references that cannot be are refused") {
  const Particles particles(3);
  const auto refused = [&](const RefineOptions& options,
                           std::int32_t reference,
                           const char* message) {
    State state(particles.start);
    state.references[2] = reference;
    CHECK_THROWS_WITH_AS(
        cl2d::refine(
            particles.block, {0, 1}, view_of(particles.reference, kGrid), options, state.view()),
        doctest::Contains(message),
        std::invalid_argument);
  };
  refused(kOptions, 1, "references must be below 1, not 1");
  refused({0, 0.5, 2, 4, 1}, 0, "steps must be finite and positive");
  refused({0.1, -0.5, 2, 4, 1}, 0, "steps must be finite and positive");
  refused({0.1, 0.5, 0, 4, 1}, 0, "n_rounds must be from 1 to 1000, not 0");
  refused({0.1, 0.5, 2, 4, 0}, 0, "n_threads must be at least 1, not 0");
  refused({0.1, 0.5, 2, -1, 1}, 0, "max_shift_px must be finite and not negative, not -1");
}
