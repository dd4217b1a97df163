// Principal components of few members in many dimensions, from their inner products.
#pragma once

#include <cstdint>

namespace cl2d {

/// Eigenvalues (n, largest first) and eigenvectors (n_vectors, n) of the matrix of inner products
/// of the rows of `members` (n, dimension); the rows are taken as they are, not centred.
///
/// Single-threaded, so that the bits depend on nothing but the members. Throws
/// std::invalid_argument unless 1 <= n_vectors <= n and dimension >= 1.
void gram_spectrum(const float* members,
                   std::int64_t n,
                   std::int64_t dimension,
                   std::int64_t n_vectors,
                   double* values,
                   double* vectors);

}  // namespace cl2d
