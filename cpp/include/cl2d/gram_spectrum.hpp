// Principal components of members, from their inner products.
#pragma once

#include <cstdint>

namespace cl2d {

/// Pairs that are told apart reliably; more would need a larger space to look for them in.
constexpr std::int64_t kMostPairs = 8;

/// Leading eigenvalues (n_pairs, largest first) and eigenvectors (n_pairs, n) of the matrix of
/// inner products of the rows of `members` (n, dimension); the rows are taken as they are, not
/// centred.
///
/// Exact for values that stand out; one in a bulk of noise may be found a percent too low.
/// Single-threaded, so that the bits depend on nothing but the members. Throws
/// std::invalid_argument unless 1 <= n_pairs <= min(n, kMostPairs) and dimension >= 1.
void gram_spectrum(const float* members,
                   std::int64_t n,
                   std::int64_t dimension,
                   std::int64_t n_pairs,
                   double* values,
                   double* vectors);

}  // namespace cl2d
