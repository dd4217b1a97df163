// Leading eigenpairs of the inner products of members, of which few are wanted and many are there.
#pragma once

#include "kernels/kernels.hpp"

#include <Eigen/Dense>

namespace cl2d {

struct LeadingPairs {
  Eigen::VectorXd values;   // largest first
  Eigen::MatrixXd vectors;  // (n, n_pairs), orthonormal
};

/// Sum of the members over their number.
Eigen::RowVectorXf mean_member(const kernels::MembersView& members);

/// Leading eigenpairs of (X - 1 m)(X - 1 m)^T for the members X and an offset m.
///
/// A block Krylov space is spanned by products with four vectors at a time, and the pairs are those
/// of the matrix within it (G. Golub and R. Underwood, in: Mathematical Software III, 1977): a few
/// multiplications give what power iterations need dozens for. It ends when the leading vector is
/// known to a thousandth of its distance from the next, or after eleven blocks. Values in the bulk
/// of noise may then be half a percent too low. n_pairs: 1 to n or
/// kMostPairs; a pair of value 0 may have a vector of zeros.
LeadingPairs leading_pairs(const kernels::MembersView& members,
                           const Eigen::RowVectorXf& offset,
                           Eigen::Index n_pairs);

}  // namespace cl2d
