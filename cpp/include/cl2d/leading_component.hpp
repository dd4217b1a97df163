// Leading principal component of the members of a class: the direction in which they differ most.
#pragma once

#include <cstdint>

namespace cl2d {

/// What a class's members vary along, and by how much.
struct LeadingComponent {
  double variance;        // mean squared score along the component
  double total_variance;  // over all dimensions
};

/// Scores (n) of the centred rows of `members` (n, dimension) along their leading component.
///
/// From a Krylov space of fixed starting rows (no randomness), single-threaded, so that the bits
/// depend on nothing but the members. The sign is fixed by the largest score being positive.
/// Throws std::invalid_argument unless n >= 2 and dimension >= 1.
LeadingComponent leading_component(const float* members,
                                   std::int64_t n,
                                   std::int64_t dimension,
                                   float* scores);

}  // namespace cl2d
