// References with their derivatives by the angle, laid out for a tile: what refinement climbs
// along.
#pragma once

#include "cl2d/aligned_buffer.hpp"
#include "cl2d/references.hpp"

#include "angular_dft.hpp"

#include <cstdint>
#include <vector>

namespace cl2d {

/// Values, first and second derivatives of the references that some image is compared with.
class ReferenceSlopes {
 public:
  /// Each sample has the parts of its value, its first and its second derivative.
  static constexpr int kParts = 6;

  /// `chosen`: references of n images, negative for none.
  ReferenceSlopes(const AngularDft& dft,
                  const ReferenceView& references,
                  const std::int32_t* chosen,
                  std::int64_t n);
  std::int64_t n_samples() const { return n_samples_; }
  /// Lay out one reference a lane, zeros for a negative one: (n_rings, n_angles / 2, 6, 16).
  void gather(const std::int32_t* chosen, float* out) const;

 private:
  void add(const AngularDft& dft,
           const ReferenceView& references,
           const std::vector<std::int64_t>&);

  std::int64_t n_samples_;
  std::vector<std::vector<float>> slopes_;  // by reference: (n_rings, n_angles / 2, 6) or nothing
};

}  // namespace cl2d
