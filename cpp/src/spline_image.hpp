// The quintic B-spline through one image, and its values at rotated, mirrored and shifted pixels.
#pragma once

#include "kernels/kernels.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace cl2d::spline {

struct Pose {
  double psi_rad;
  double shift_x_px;
  double shift_y_px;
  bool is_mirrored;
};

// The spline through one image at a time, with all the scratch a thread needs for it.
class SplineImage {
 public:
  // box >= 2.
  explicit SplineImage(std::size_t box)
      : box_(static_cast<int>(box)),
        workspace_((padded(box) + kernels::kSplinePanel) * padded(box)),
        coefficients_((box + kernels::kSplineMargins) * (box + kernels::kSplineMargins)),
        places_(padded(box)),
        fractions_x_(padded(box)),
        fractions_y_(padded(box)),
        weights_x_(6 * padded(box)) {}

  void fit(const float* pixels) noexcept {
    kernels::active_table().fit_spline({pixels, box_, workspace_.data(), coefficients_.data()});
  }

  // out(p) = image(R^T F (p + t)) for every pixel p.
  void resample(const Pose& pose, float* out) noexcept {
    const double cosine = std::cos(pose.psi_rad);
    const double sine = std::sin(pose.psi_rad);
    const double flip = pose.is_mirrored ? -1.0 : 1.0;
    const double origin = box_ / 2;  // NOLINT(bugprone-integer-division): a whole pixel
    const double across = flip * (pose.shift_x_px - origin);
    const double down = pose.shift_y_px - origin;
    kernels::active_table().move_spline({coefficients_.data(),
                                         box_,
                                         origin + cosine * across + sine * down,
                                         origin - sine * across + cosine * down,
                                         flip * cosine,
                                         -flip * sine,
                                         sine,
                                         cosine,
                                         places_.data(),
                                         fractions_x_.data(),
                                         fractions_y_.data(),
                                         weights_x_.data(),
                                         out});
  }

 private:
  static std::size_t padded(std::size_t box) noexcept {
    constexpr std::size_t kPanel = kernels::kSplinePanel;
    return (box + kPanel - 1) / kPanel * kPanel;
  }

  int box_;
  std::vector<float> workspace_;
  std::vector<float> coefficients_;
  std::vector<std::int32_t> places_;
  std::vector<float> fractions_x_;
  std::vector<float> fractions_y_;
  std::vector<float> weights_x_;
};

}  // namespace cl2d::spline
