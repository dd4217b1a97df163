#include "cl2d/grid.hpp"

#include <cmath>
#include <stdexcept>
#include <string>

namespace cl2d {

int next_angle_count(int n) {
  for (int candidate = ((n < 4 ? 4 : n) + 3) / 4 * 4;; candidate += 4) {
    int rest = candidate;
    for (int prime : {2, 3, 5}) {
      while (rest % prime == 0) rest /= prime;
    }
    if (rest == 1) return candidate;
  }
}

PolarGrid::PolarGrid(int box_px, int k_min, int k_max, double radius_px)
    : box_px_(box_px), k_min_(k_min), k_max_(k_max) {
  if (box_px < 1 || box_px > kLargestBox) {
    throw std::invalid_argument("box_px must be from 1 to " + std::to_string(kLargestBox) +
                                ", not " + std::to_string(box_px));
  }
  if (k_min < 1 || k_max < k_min || k_max > (box_px - 1) / 2) {
    throw std::invalid_argument(
        "rings must satisfy 1 <= k_min <= k_max < box_px / 2, not k_min = " +
        std::to_string(k_min) + ", k_max = " + std::to_string(k_max) +
        ", box_px = " + std::to_string(box_px));
  }
  if (!(radius_px > 0) || radius_px > box_px) {
    throw std::invalid_argument("radius_px must be in (0, box_px], not " +
                                std::to_string(radius_px));
  }
  const double pi = std::acos(-1.0);
  for (int k = k_min; k <= k_max; ++k) {
    // Bessel functions J_m(x) die off just beyond m = x; one order of margin.
    max_order_.push_back(static_cast<int>(std::ceil(2 * pi * k * radius_px / box_px)) + 1);
  }
  n_angles_ = next_angle_count(2 * max_order_.back() + 2);
  const int n_orders = max_order_.back() + 1;
  int ring = 0;
  for (int m = 0; m < n_orders; ++m) {
    while (max_order_[static_cast<std::size_t>(ring)] < m) ++ring;
    first_ring_.push_back(ring);
    n_coefficients_ += n_rings() - ring;
  }
}

}  // namespace cl2d
