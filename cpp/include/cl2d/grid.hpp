// The polar Fourier grid of a run: rings, angles, and the triangle of angular orders that is
// stored.
#pragma once

#include <vector>

namespace cl2d {

/// Number of images that share a tile; every kernel works on all lanes of a tile in step.
constexpr int kLanes = 16;

/// Beyond it the numbers of coefficients and samples would not fit the integers that count them.
constexpr int kLargestBox = 8192;

/// Rings k_min..k_max (Fourier pixels), n_angles over the full circle, orders 0..n_orders-1.
///
/// A disc of radius r (px) in a box of n pixels gives ring k angular orders up to about
/// 2 pi k r / n: only those are stored, ring after ring for each order, so order m holds the rings
/// first_ring(m)..n_rings-1. Immutable after construction; throws std::invalid_argument.
class PolarGrid {
 public:
  PolarGrid(int box_px, int k_min, int k_max, double radius_px);

  int box_px() const { return box_px_; }
  int k_min() const { return k_min_; }
  int k_max() const { return k_max_; }
  int n_rings() const { return k_max_ - k_min_ + 1; }
  int n_angles() const { return n_angles_; }
  int n_half_angles() const { return n_angles_ / 2; }
  int n_orders() const { return static_cast<int>(first_ring_.size()); }
  int n_coefficients() const { return n_coefficients_; }
  /// Index of the first ring (0 = k_min) that carries order m.
  int first_ring(int order) const { return first_ring_[static_cast<std::size_t>(order)]; }
  const std::vector<int>& first_rings() const { return first_ring_; }
  /// Whether coefficients of the two grids mean the same.
  bool operator==(const PolarGrid& other) const {
    return box_px_ == other.box_px_ && k_min_ == other.k_min_ && max_order_ == other.max_order_;
  }
  bool operator!=(const PolarGrid& other) const { return !(*this == other); }
  /// Highest order stored for a ring (0 = k_min).
  int max_order(int ring) const { return max_order_[static_cast<std::size_t>(ring)]; }

 private:
  int box_px_;
  int k_min_;
  int k_max_;
  int n_angles_ = 0;
  int n_coefficients_ = 0;
  std::vector<int> max_order_;
  std::vector<int> first_ring_;
};

/// Smallest multiple of 4 that is at least n and has no prime factor above 5.
int next_angle_count(int n);

}  // namespace cl2d
