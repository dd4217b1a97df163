#include "cl2d/gram_spectrum.hpp"

#include "leading_pairs.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace cl2d {

void gram_spectrum(const float* members,
                   std::int64_t n,
                   std::int64_t dimension,
                   std::int64_t n_pairs,
                   double* values,
                   double* vectors) {
  const std::int64_t most = std::min<std::int64_t>(n, kMostPairs);
  if (n_pairs < 1 || n_pairs > most || dimension < 1) {
    throw std::invalid_argument("n_pairs must be 1 to " + std::to_string(most) + ", not " +
                                std::to_string(n_pairs));
  }
  const Eigen::RowVectorXf origin = Eigen::RowVectorXf::Zero(dimension);
  const LeadingPairs found = leading_pairs({members, n, dimension}, origin, n_pairs);
  Eigen::Map<Eigen::VectorXd>(values, n_pairs) = found.values;
  Eigen::Map<Eigen::MatrixXd>(vectors, n, n_pairs) = found.vectors;
}

}  // namespace cl2d
