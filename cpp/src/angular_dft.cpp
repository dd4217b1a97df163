#include "angular_dft.hpp"

#include <algorithm>
#include <cmath>

namespace cl2d {

AngularDft::AngularDft(const PolarGrid& grid) {
  int rest = grid.n_angles();
  for (int radix : {5, 3, 4, 2}) {
    while (rest % radix == 0) {
      radices_.push_back(radix);
      rest /= radix;
    }
  }
  // Radix 4 goes last: the search fuses the last stage with the maximum, and radix 4 is the
  // leanest.
  if (radices_.back() == 2) std::rotate(radices_.begin(), radices_.end() - 1, radices_.end());
  const double pi = std::acos(-1.0);
  int length = grid.n_angles();
  for (int radix : radices_) {
    for (int p = 0; p < length / radix; ++p) {
      for (int j = 1; j < radix; ++j) {
        const double angle = 2 * pi * p * j / length;
        twiddles_.push_back(static_cast<float>(std::cos(angle)));
        twiddles_.push_back(static_cast<float>(std::sin(angle)));
      }
    }
    length /= radix;
  }
  view_ = {grid.n_rings(),
           grid.n_orders(),
           grid.n_angles(),
           grid.n_coefficients(),
           grid.first_rings().data(),
           {grid.n_angles(), static_cast<int>(radices_.size()), radices_.data(), twiddles_.data()}};
}

std::size_t AngularDft::tile_samples() const {
  return static_cast<std::size_t>(view_.n_rings) * static_cast<std::size_t>(view_.n_angles) *
         kLanes;
}

}  // namespace cl2d
