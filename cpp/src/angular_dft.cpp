#include "angular_dft.hpp"

#include <algorithm>
#include <cmath>

namespace cl2d {
namespace {

const double kTwoPi = 2 * std::acos(-1.0);

void push_turn(std::vector<float>& turns, double angle) {
  turns.push_back(static_cast<float>(std::cos(angle)));
  turns.push_back(static_cast<float>(std::sin(angle)));
}

}  // namespace

DftTables::DftTables(int n) : length(n) {
  int rest = n;
  for (int radix : {5, 3, 4, 2}) {
    while (rest % radix == 0) {
      radices.push_back(radix);
      rest /= radix;
    }
  }
  // Radix 4 goes last: the search fuses the last stage with the maximum, and radix 4 is the
  // leanest.
  if (!radices.empty() && radices.back() == 2) {
    std::rotate(radices.begin(), radices.end() - 1, radices.end());
  }
  int left = n;
  for (int radix : radices) {
    for (int p = 0; p < left / radix; ++p) {
      for (int j = 1; j < radix; ++j) push_turn(twiddles, kTwoPi * p * j / left);
    }
    left /= radix;
  }
}

kernels::DftPlan DftTables::plan() const {
  return {length, static_cast<int>(radices.size()), radices.data(), twiddles.data()};
}

AngularDft::AngularDft(const PolarGrid& grid)
    : whole_(grid.n_angles()), half_(grid.n_half_angles()) {
  for (int j = 0; j < grid.n_half_angles(); ++j) push_turn(turns_, kTwoPi * j / grid.n_angles());
  view_ = {grid.n_rings(),
           grid.n_orders(),
           grid.n_angles(),
           grid.n_coefficients(),
           grid.first_rings().data(),
           whole_.plan(),
           half_.plan(),
           turns_.data()};
}

std::size_t AngularDft::tile_samples() const {
  return static_cast<std::size_t>(view_.n_rings) * static_cast<std::size_t>(view_.n_angles) *
         kLanes;
}

}  // namespace cl2d
