#include "cl2d/gram_spectrum.hpp"

#include <Eigen/Dense>

#include <stdexcept>
#include <string>

namespace cl2d {
namespace {

using Rows = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

}  // namespace

void gram_spectrum(const float* members,
                   std::int64_t n,
                   std::int64_t dimension,
                   std::int64_t n_vectors,
                   double* values,
                   double* vectors) {
  if (n_vectors < 1 || n_vectors > n || dimension < 1) {
    throw std::invalid_argument("n_vectors must be 1 to " + std::to_string(n) + ", not " +
                                std::to_string(n_vectors));
  }
  const Eigen::Map<const Rows> x(members, n, dimension);
  const Eigen::MatrixXd gram = (x * x.transpose()).cast<double>();
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(gram);
  // The solver sorts ascending.
  for (Eigen::Index i = 0; i < n; ++i) values[i] = solver.eigenvalues()[n - 1 - i];
  for (Eigen::Index i = 0; i < n_vectors; ++i) {
    Eigen::Map<Eigen::VectorXd>(vectors + i * n, n) = solver.eigenvectors().col(n - 1 - i);
  }
}

}  // namespace cl2d
