#include "cl2d/leading_component.hpp"

#include <Eigen/Dense>

#include <algorithm>
#include <stdexcept>
#include <string>

namespace cl2d {
namespace {

using Rows = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

constexpr Eigen::Index kBlock = 4;
constexpr int kIterations = 30;

}  // namespace

LeadingComponent leading_component(const float* members,
                                   std::int64_t n,
                                   std::int64_t dimension,
                                   float* scores) {
  if (n < 2 || dimension < 1) {
    throw std::invalid_argument("a component needs 2 members of dimension 1 at least, not " +
                                std::to_string(n) + " of dimension " + std::to_string(dimension));
  }
  const Eigen::Map<const Rows> x(members, n, dimension);
  const Eigen::RowVectorXf mean = x.colwise().mean();
  const Eigen::Index block = std::min<Eigen::Index>(kBlock, std::min(n, dimension));
  // Centring is applied to the products, (X - 1 m) B = X B - 1 (m B), so no copy of X is made.
  Eigen::MatrixXf basis(dimension, block);
  for (Eigen::Index b = 0; b < block; ++b) basis.col(b) = (x.row(b * n / block) - mean).transpose();
  Eigen::MatrixXf projected(n, block);
  Eigen::MatrixXf rotation;
  for (int i = 0; i < kIterations; ++i) {
    const Eigen::HouseholderQR<Eigen::MatrixXf> qr(basis);
    basis = qr.householderQ() * Eigen::MatrixXf::Identity(dimension, block);
    projected.noalias() = x * basis;
    projected.rowwise() -= (mean * basis).eval();
    basis.noalias() = x.transpose() * projected;
    basis.noalias() -= mean.transpose() * projected.colwise().sum();
  }
  const Eigen::MatrixXd gram = (projected.transpose() * projected).cast<double>();
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(gram);
  Eigen::Map<Eigen::VectorXf> out(scores, n);
  out = projected * solver.eigenvectors().col(block - 1).cast<float>();
  Eigen::Index largest = 0;
  out.cwiseAbs().maxCoeff(&largest);
  if (out[largest] < 0) out = -out;
  const double members_d = static_cast<double>(n);
  const double total =
      x.cast<double>().squaredNorm() / members_d - mean.cast<double>().squaredNorm();
  return {solver.eigenvalues()[block - 1] / members_d, total};
}

}  // namespace cl2d
