// The alignment score by its definition, in double precision: direct sums and plain loops, the
// same as tests/slow_alignment.py, where the conventions are derived.
#pragma once

#include <array>
#include <cmath>
#include <complex>
#include <cstddef>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

namespace cl2d::slow {

using Samples = std::vector<std::vector<std::complex<double>>>;  // (n_rings, n_theta)

constexpr double kTwoPi = 6.283185307179586;

struct Search {
  std::vector<int> k_rings;     // radii in Fourier pixels of the box
  std::vector<double> weights;  // one for each ring
  int n_theta = 0;              // angles over the full circle, even
  std::vector<std::array<double, 2>> shifts_px;
  std::vector<int> m_max;  // highest angular order kept on each ring; empty to keep all
};

/// Fourier transform on the polar grid of an image (box, box), x and y relative to pixel box / 2.
inline Samples polar_samples(const std::vector<double>& image, int box, const Search& search) {
  if (search.n_theta % 2 != 0) {
    throw std::invalid_argument("n_theta must be even, not " + std::to_string(search.n_theta));
  }
  Samples samples;
  for (const int k : search.k_rings) {
    samples.emplace_back();
    for (int j = 0; j < search.n_theta; ++j) {
      const double theta = kTwoPi * j / search.n_theta;
      std::complex<double> sum;
      for (int row = 0; row < box; ++row) {
        for (int column = 0; column < box; ++column) {
          const int x = column - box / 2;
          const int y = row - box / 2;
          const double along = x * std::cos(theta) + y * std::sin(theta);
          sum += image[static_cast<std::size_t>(row * box + column)] *
                 std::polar(1.0, -kTwoPi * k * along / box);
        }
      }
      samples.back().push_back(sum);
    }
  }
  return samples;
}

/// Keep the orders |m| <= m_max of each ring; n_theta / 2 is counted once, as -n_theta / 2.
inline void limit_angular_orders(Samples& samples, const std::vector<int>& m_max) {
  for (std::size_t ring = 0; ring < m_max.size(); ++ring) {
    const auto n_theta = static_cast<int>(samples[ring].size());
    std::vector<std::complex<double>> limited(samples[ring].size());
    for (int m = -n_theta / 2; m < n_theta / 2; ++m) {
      if (std::abs(m) > m_max[ring]) continue;
      std::complex<double> coefficient;
      for (int j = 0; j < n_theta; ++j) {
        coefficient +=
            samples[ring][static_cast<std::size_t>(j)] * std::polar(1.0, -kTwoPi * m * j / n_theta);
      }
      for (int j = 0; j < n_theta; ++j) {
        limited[static_cast<std::size_t>(j)] +=
            coefficient / static_cast<double>(n_theta) * std::polar(1.0, kTwoPi * m * j / n_theta);
      }
    }
    samples[ring] = limited;
  }
}

/// Polar samples of ref(q - t).
inline Samples shifted_samples(Samples samples,
                               int box,
                               const Search& search,
                               const std::array<double, 2>& shift_px) {
  for (std::size_t ring = 0; ring < samples.size(); ++ring) {
    for (std::size_t j = 0; j < samples[ring].size(); ++j) {
      const double theta = kTwoPi * static_cast<double>(j) / search.n_theta;
      const double along = std::cos(theta) * shift_px[0] + std::sin(theta) * shift_px[1];
      samples[ring][j] *= std::polar(1.0, -kTwoPi * search.k_rings[ring] * along / box);
    }
  }
  return samples;
}

/// Re sum_k w_k sum_theta conj(image(k, theta)) reference(k, theta'), theta' = theta + psi or, when
/// mirrored, pi - theta - psi.
inline double score(
    const Samples& image, const Samples& reference, const Search& search, int psi, bool mirror) {
  const int n_theta = search.n_theta;
  double sum = 0.0;
  for (std::size_t ring = 0; ring < image.size(); ++ring) {
    for (int j = 0; j < n_theta; ++j) {
      const int met = mirror ? n_theta / 2 - j - psi : j + psi;
      const int wrapped = (met % n_theta + n_theta) % n_theta;
      const std::complex<double> product = std::conj(image[ring][static_cast<std::size_t>(j)]) *
                                           reference[ring][static_cast<std::size_t>(wrapped)];
      sum += search.weights[ring] * product.real();
    }
  }
  return sum;
}

/// Scores of every pose, (n_theta, n_shifts, 2): psi, shift, mirror. The norm of the reference is
/// that of its samples at each shift after m_max, so that a normalised score is at most 1.
inline std::vector<double> score_table(const std::vector<double>& image,
                                       const std::vector<double>& reference,
                                       int box,
                                       const Search& search,
                                       bool normalise = true) {
  Samples moving = polar_samples(image, box, search);
  const Samples fixed = polar_samples(reference, box, search);
  limit_angular_orders(moving, search.m_max);
  const std::size_t n_shifts = search.shifts_px.size();
  std::vector<double> scores(static_cast<std::size_t>(search.n_theta) * n_shifts * 2);
  for (std::size_t s = 0; s < n_shifts; ++s) {
    Samples shifted = shifted_samples(fixed, box, search, search.shifts_px[s]);
    limit_angular_orders(shifted, search.m_max);
    const double norms = std::sqrt(score(moving, moving, search, 0, false) *
                                   score(shifted, shifted, search, 0, false));
    for (int psi = 0; psi < search.n_theta; ++psi) {
      for (std::size_t mirror = 0; mirror < 2; ++mirror) {
        const double value = score(moving, shifted, search, psi, mirror == 1);
        scores[(static_cast<std::size_t>(psi) * n_shifts + s) * 2 + mirror] =
            normalise ? value / norms : value;
      }
    }
  }
  return scores;
}

}  // namespace cl2d::slow
