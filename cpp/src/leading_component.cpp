#include "cl2d/leading_component.hpp"

#include "leading_pairs.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

namespace cl2d {

LeadingComponent leading_component(const float* members,
                                   std::int64_t n,
                                   std::int64_t dimension,
                                   float* scores) {
  if (n < 2 || dimension < 1) {
    throw std::invalid_argument("a component needs 2 members of dimension 1 at least, not " +
                                std::to_string(n) + " of dimension " + std::to_string(dimension));
  }
  const kernels::MembersView view{members, n, dimension};
  const Eigen::RowVectorXf mean = mean_member(view);
  const LeadingPairs found = leading_pairs(view, mean, 1);
  // In float the products may be a little below zero where members are all alike.
  const double value = std::max(found.values[0], 0.0);
  Eigen::Map<Eigen::VectorXf> out(scores, n);
  out = (std::sqrt(value) * found.vectors.col(0)).cast<float>();
  Eigen::Index largest = 0;
  out.cwiseAbs().maxCoeff(&largest);
  if (out[largest] < 0) out = -out;
  const double members_d = static_cast<double>(n);
  const Eigen::Map<const Eigen::VectorXf> all(members, n * dimension);
  const double total =
      all.cast<double>().squaredNorm() / members_d - mean.cast<double>().squaredNorm();
  return {value / members_d, std::max(total, 0.0)};  // rounding may leave less than nothing
}

}  // namespace cl2d
