#include "cl2d/polar_sampling.hpp"

#include "cl2d/threads.hpp"

#include "team.hpp"
#include "tile_analysis.hpp"

#include <cmath>
#include <stdexcept>
#include <string>

namespace cl2d {
namespace {

constexpr int kTaps = 6;
// Beatty, Nishimura & Pauly 2005, eq. 5: width 6, oversampling 2.
const double kBeta = std::acos(-1.0) * std::sqrt(9.0 * 2.25 - 0.8);

// I0 by its power series (Abramowitz & Stegun 9.6.12), whose terms are all positive. That of the
// standard library is missing from some.
double bessel_i0(double x) {
  const double quarter_square = x * x / 4;
  double term = 1, sum = 1;
  for (int k = 1; term > 1e-18 * sum; ++k) {
    term *= quarter_square / (static_cast<double>(k) * k);
    sum += term;
  }
  return sum;
}

// Both are divided by I0(beta), so that the kernel is 1 at its centre.
double kaiser_bessel(double distance) {
  const double x = 2 * distance / kTaps;
  if (std::abs(x) > 1) return 0;
  return bessel_i0(kBeta * std::sqrt(1 - x * x)) / bessel_i0(kBeta);
}

double kaiser_bessel_transform(double cycles) {
  const double pi_w = std::acos(-1.0) * kTaps * cycles;
  const double argument = kBeta * kBeta - pi_w * pi_w;
  const double root = std::sqrt(std::abs(argument));
  const double shape = argument > 0 ? std::sinh(root) / root
                       : root > 0   ? std::sin(root) / root
                                    : 1.0;
  return kTaps * shape / bessel_i0(kBeta);
}

}  // namespace

/// What one thread needs while it fills tiles.
struct SamplingScratch {
  std::vector<std::complex<float>> patch;
  TileAnalysis analysis;
};

std::vector<double> gridding_correction(int box_px) {
  if (box_px < 1 || box_px > kLargestBox) {
    throw std::invalid_argument("box_px must be from 1 to " + std::to_string(kLargestBox) +
                                ", not " + std::to_string(box_px));
  }
  std::vector<double> correction;
  correction.reserve(static_cast<std::size_t>(box_px));
  const int origin = box_px / 2;
  for (int i = 0; i < box_px; ++i) {
    correction.push_back(1.0 / kaiser_bessel_transform((i - origin) / (2.0 * box_px)));
  }
  return correction;
}

PolarSampler::PolarSampler(const PolarGrid& grid, const std::vector<double>& ring_weights)
    : grid_(grid), reach_(2 * grid.k_max() + kTaps / 2) {
  if (grid.box_px() % 2 != 0) {
    throw std::invalid_argument("the working box must be even, not " +
                                std::to_string(grid.box_px()));
  }
  if (static_cast<int>(ring_weights.size()) != grid.n_rings()) {
    throw std::invalid_argument("ring_weights must have one value for each of the " +
                                std::to_string(grid.n_rings()) + " rings, not " +
                                std::to_string(ring_weights.size()));
  }
  const double pi = std::acos(-1.0);
  const int width = reach_ + kTaps / 2 + 1;  // columns -3..reach
  for (int ring = 0; ring < grid.n_rings(); ++ring) {
    const double weight = ring_weights[static_cast<std::size_t>(ring)];
    if (!(weight >= 0) || std::isinf(weight)) {
      throw std::invalid_argument("ring_weights must not be negative or infinite");
    }
    for (int j = 0; j < grid.n_half_angles(); ++j) {
      const double angle = 2 * pi * j / grid.n_angles();
      const double radius = 2.0 * (grid.k_min() + ring);
      double x = radius * std::cos(angle), y = radius * std::sin(angle);
      Point point{};
      point.sign = x < 0 ? -1.0F : 1.0F;
      if (x < 0) x = -x, y = -y;
      const int x0 = static_cast<int>(std::ceil(x - kTaps / 2.0));
      const int y0 = static_cast<int>(std::ceil(y - kTaps / 2.0));
      point.offset = (y0 + reach_) * width + x0 + kTaps / 2;
      for (int tap = 0; tap < kTaps; ++tap) {
        point.weights[tap] = static_cast<float>(kaiser_bessel(x - x0 - tap));
        point.weights[kTaps + tap] =
            static_cast<float>(kaiser_bessel(y - y0 - tap) * std::sqrt(weight));
      }
      points_.push_back(point);
    }
  }
}

void PolarSampler::copy_patch(const std::complex<float>* spectrum,
                              std::complex<float>* patch) const {
  const int size = 2 * grid_.box_px(), columns = grid_.box_px() + 1;
  for (int y = -reach_; y <= reach_; ++y) {
    for (int x = -kTaps / 2; x <= reach_; ++x) {
      int row = ((y % size) + size) % size, column = ((x % size) + size) % size;
      const bool opposite = column >= columns;
      if (opposite) row = (size - row) % size, column = size - column;
      const std::complex<float> value = spectrum[static_cast<std::int64_t>(row) * columns + column];
      // The origin sits at pixel `box` of the padded image: a sign that alternates with frequency.
      const float sign = ((x + y) & 1) != 0 ? -1.0F : 1.0F;
      *patch++ = sign * (opposite ? std::conj(value) : value);
    }
  }
}

void PolarSampler::sample_image(const std::complex<float>* spectrum,
                                std::complex<float>* patch,
                                float* lane) const {
  copy_patch(spectrum, patch);
  const int width = reach_ + kTaps / 2 + 1;
  for (const Point& point : points_) {
    float sums[2 * kTaps] = {};
    const float* taps = reinterpret_cast<const float*>(patch + point.offset);
    for (int row = 0; row < kTaps; ++row) {
      const float weight = point.weights[kTaps + row];
      for (int i = 0; i < 2 * kTaps; ++i) sums[i] += weight * taps[i];
      taps += 2 * width;
    }
    float re = 0, im = 0;
    for (int column = 0; column < kTaps; ++column) {
      re += point.weights[column] * sums[2 * column];
      im += point.weights[column] * sums[2 * column + 1];
    }
    lane[0] = re;
    lane[kLanes] = point.sign * im;
    lane += 2 * kLanes;
  }
}

void PolarSampler::fill_tile(ImageBlock& block,
                             std::int64_t tile,
                             const std::complex<float>* spectra,
                             std::int64_t count,
                             SamplingScratch& scratch) const {
  const std::int64_t pixels = static_cast<std::int64_t>(2 * grid_.box_px()) * (grid_.box_px() + 1);
  scratch.analysis.clear();
  for (std::int64_t lane = 0; lane < count; ++lane) {
    sample_image(spectra + lane * pixels, scratch.patch.data(), scratch.analysis.samples() + lane);
  }
  scratch.analysis.store(block, tile);
}

void PolarSampler::fill(ImageBlock& block,
                        std::int64_t first,
                        const std::complex<float>* spectra,
                        std::int64_t n,
                        int n_threads) const {
  if (first % kLanes != 0 || first < 0 || n < 0 || n > block.n_images() ||
      first > block.n_images() - n) {
    throw std::invalid_argument("images must start a tile of 16 and lie within the block of " +
                                std::to_string(block.n_images()) + ", not be " + std::to_string(n) +
                                " from " + std::to_string(first) + " on");
  }
  if (block.grid() != grid_) {
    throw std::invalid_argument("the block must have the grid of the sampler, with " +
                                std::to_string(grid_.n_coefficients()) + " coefficients, not " +
                                std::to_string(block.grid().n_coefficients()));
  }
  check_threads(n_threads);
  const AngularDft dft(grid_);
  const std::int64_t pixels = static_cast<std::int64_t>(2 * grid_.box_px()) * (grid_.box_px() + 1);
  const std::int64_t n_tiles = (n + kLanes - 1) / kLanes;
  const auto reach = static_cast<std::size_t>(reach_);
  const std::size_t patch = (2 * reach + 1) * (reach + kTaps / 2 + 1);
  const int team = team_size(n_threads, n_tiles);
  std::vector<SamplingScratch> scratch;
  scratch.reserve(static_cast<std::size_t>(team));
  for (int thread = 0; thread < team; ++thread) {
    scratch.push_back({std::vector<std::complex<float>>(patch), TileAnalysis(grid_, dft)});
  }
#pragma omp parallel for schedule(static) num_threads(team)
  for (std::int64_t tile = 0; tile < n_tiles; ++tile) {
    const std::int64_t start = tile * kLanes;
    const std::int64_t count = n - start < kLanes ? n - start : kLanes;
    fill_tile(block,
              first / kLanes + tile,
              spectra + start * pixels,
              count,
              scratch[static_cast<std::size_t>(thread_index())]);
  }
}

}  // namespace cl2d
