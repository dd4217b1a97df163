#include "tile_analysis.hpp"

#include <cmath>

namespace cl2d {
namespace {

// Below it one over the norm may be too large for a float. Images on the scale of their background
// are far above.
constexpr double kLeastPower = 1e-60;

}  // namespace

TileAnalysis::TileAnalysis(const PolarGrid& grid, const AngularDft& dft)
    : grid_(&grid),
      dft_(&dft),
      samples_(make_aligned_buffer(dft.tile_samples())),
      workspace_(make_aligned_buffer(
          static_cast<std::size_t>(kernels::active_table().synthesis_workspace(dft.view())))),
      coefficients_(
          make_aligned_buffer(static_cast<std::size_t>(grid.n_coefficients()) * 2 * kLanes)) {}

void TileAnalysis::clear() {
  for (std::size_t i = 0; i < dft_->tile_samples(); ++i) samples_[i] = 0;
}

void TileAnalysis::store(ImageBlock& block, std::int64_t tile) {
  kernels::active_table().analyse(dft_->view(),
                                  {samples_.get(), workspace_.get(), coefficients_.get()});
  const int zero_order = grid_->n_rings();  // order 0 is carried by every ring
  for (int lane = 0; lane < kLanes; ++lane) {
    float* values = coefficients_.get() + lane;
    double norm = 0;
    for (int i = 0; i < grid_->n_coefficients(); ++i) {
      const double p = values[i * 2 * kLanes], q = values[i * 2 * kLanes + kLanes];
      norm += (i < zero_order ? 1 : 2) * (p * p + q * q);
    }
    if (!std::isfinite(norm)) {
      for (int i = 0; i < grid_->n_coefficients() * 2; ++i) values[i * kLanes] = 0;
      continue;
    }
    const float scale = norm > kLeastPower ? static_cast<float>(1 / std::sqrt(norm)) : 0.0F;
    for (int i = 0; i < grid_->n_coefficients(); ++i) {
      const float p = scale * values[i * 2 * kLanes];
      const float q = i < zero_order ? 0.0F : scale * values[i * 2 * kLanes + kLanes];
      values[i * 2 * kLanes] = p + q;
      values[i * 2 * kLanes + kLanes] = p - q;
    }
  }
  block.set_tile(tile, coefficients_.get());
}

}  // namespace cl2d
