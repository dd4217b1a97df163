#include "leading_pairs.hpp"

#include <algorithm>
#include <cmath>

namespace cl2d {
namespace {

using Rows = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Solver = Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>;

constexpr Eigen::Index kBlock = 4;  // columns of the kernels
constexpr Eigen::Index kMostBlocks = 11;
constexpr Eigen::Index kFewestBlocks = 4;
constexpr double kSettled = 1e-3;

/// Products with the centred members, which are never stored: (X - 1 m) B = X B - 1 (m B).
class CentredMembers {
 public:
  CentredMembers(const kernels::MembersView& members, const Eigen::RowVectorXf& offset)
      : members_(members), offset_(offset) {}

  /// (4, dimension): the transpose times (n, 4).
  Rows combined(const Rows& weights) const {
    Rows out(kBlock, members_.dimension);
    kernels::active_table().combine_members(members_, weights.data(), out.data());
    out.noalias() -= weights.colwise().sum().transpose() * offset_;
    return out;
  }
  /// (n, 4): the members times the transpose of (4, dimension).
  Eigen::MatrixXd projected(const Rows& directions) const {
    Rows out(members_.n, kBlock);
    kernels::active_table().project_members(members_, directions.data(), out.data());
    out.rowwise() -= (directions * offset_.transpose()).transpose().eval();
    return out.cast<double>();
  }
  /// Four members spread over all of them.
  Rows some() const {
    const Eigen::Map<const Rows> x(members_.rows, members_.n, members_.dimension);
    Rows out(kBlock, members_.dimension);
    for (Eigen::Index b = 0; b < kBlock; ++b) out.row(b) = x.row(b * x.rows() / kBlock) - offset_;
    return out;
  }

 private:
  kernels::MembersView members_;
  const Eigen::RowVectorXf& offset_;
};

/// Make the columns orthonormal and orthogonal to the basis; zero where nothing is left. Returns
/// the upper triangle that the columns were, in terms of what they have become.
Eigen::MatrixXd orthonormalise(const Eigen::Ref<const Eigen::MatrixXd>& basis,
                               Eigen::MatrixXd& columns) {
  Eigen::MatrixXd triangle = Eigen::MatrixXd::Zero(kBlock, kBlock);
  const Eigen::VectorXd before = columns.colwise().norm();
  for (int pass = 0; pass < 2; ++pass) columns -= basis * (basis.transpose() * columns).eval();
  for (Eigen::Index c = 0; c < kBlock; ++c) {
    for (int pass = 0; pass < 2; ++pass) {
      for (Eigen::Index to = 0; to < c; ++to) {
        const double along = columns.col(to).dot(columns.col(c));
        columns.col(c) -= along * columns.col(to);
        triangle(to, c) += along;
      }
    }
    const double norm = columns.col(c).norm();
    // Below the rounding of doubles nothing is left, as once the basis spans all there is.
    const bool kept = norm > 1e-12 * before[c];
    triangle(c, c) = kept ? norm : 0;
    columns.col(c) *= kept ? 1 / norm : 0;
  }
  return triangle;
}

/// Whether the leading vectors are known: residuals against the distance from the next value.
bool are_settled(const Solver& solver, const Eigen::MatrixXd& triangle, Eigen::Index n_pairs) {
  const Eigen::Index size = solver.eigenvalues().size();
  if (size <= n_pairs) return false;
  for (Eigen::Index i = size - n_pairs; i < size; ++i) {
    const double gap = solver.eigenvalues()[i] - solver.eigenvalues()[i - 1];
    const double residual = (triangle * solver.eigenvectors().col(i).tail(kBlock)).norm();
    if (residual > kSettled * gap) return false;
  }
  return true;
}

}  // namespace

Eigen::RowVectorXf mean_member(const kernels::MembersView& members) {
  const Rows shares = Rows::Constant(members.n, kBlock, 1.0F / static_cast<float>(members.n));
  Rows sums(kBlock, members.dimension);
  kernels::active_table().combine_members(members, shares.data(), sums.data());
  return sums.row(0);
}

LeadingPairs leading_pairs(const kernels::MembersView& members,
                           const Eigen::RowVectorXf& offset,
                           Eigen::Index n_pairs) {
  const CentredMembers centred(members, offset);
  Eigen::MatrixXd basis(members.n, kMostBlocks * kBlock);
  Rows images(kMostBlocks * kBlock, members.dimension);  // of the basis, under the transpose
  Eigen::MatrixXd inner(kMostBlocks * kBlock, kMostBlocks * kBlock);  // products of the images
  Eigen::MatrixXd next = centred.projected(centred.some());
  orthonormalise(basis.leftCols(0), next);
  Solver solver;
  Eigen::Index size = 0;
  for (Eigen::Index block = 1; block <= kMostBlocks; ++block) {
    const Rows image = centred.combined(next.cast<float>());
    basis.middleCols(size, kBlock) = next;
    images.middleRows(size, kBlock) = image;
    size += kBlock;
    Rows products(size, kBlock);
    kernels::active_table().project_members(
        {images.data(), size, members.dimension}, image.data(), products.data());
    inner.block(0, size - kBlock, size, kBlock) = products.cast<double>();
    next = centred.projected(image);
    const Eigen::MatrixXd triangle = orthonormalise(basis.leftCols(size), next);
    const bool is_all = block == kMostBlocks || triangle.isZero(0);
    if (!is_all && (block < kFewestBlocks || block % 2 != 0)) continue;
    // A new solver for each size: one that cannot get more memory frees what it had twice.
    solver = Solver(inner.topLeftCorner(size, size).selfadjointView<Eigen::Upper>());
    if (is_all || are_settled(solver, triangle, n_pairs)) break;
  }
  // Members that span less than was asked for: what is left are pairs of value 0.
  const Eigen::Index found = std::min(n_pairs, size);
  LeadingPairs pairs{Eigen::VectorXd::Zero(n_pairs), Eigen::MatrixXd::Zero(members.n, n_pairs)};
  pairs.values.head(found) = solver.eigenvalues().tail(found).reverse();
  pairs.vectors.leftCols(found) =
      basis.leftCols(size) * solver.eigenvectors().rightCols(found).rowwise().reverse();
  return pairs;
}

}  // namespace cl2d
