// The columns of a search, made for as many references at a time as the cache holds.
#pragma once

#include "cl2d/references.hpp"

#include "shifted_references.hpp"

#include <cstdint>
#include <vector>

namespace cl2d {

/// Goes through the references of a search group by group; `next` makes the columns of one group.
class ColumnGroups {
 public:
  /// Throws std::invalid_argument without references or shifts, or with too many shifts for codes.
  ColumnGroups(const PolarGrid& grid,
               const ReferenceView& references,
               const ShiftView& shifts,
               int n_threads);

  /// Make the columns of the next group, in parallel; false where all references have been.
  bool next();

  const AngularDft& dft() const { return dft_; }
  /// References of the largest group.
  std::int64_t largest() const { return largest_; }
  /// First reference of the present group, and how many it has.
  std::int64_t first() const { return first_; }
  std::int64_t count() const { return count_; }
  /// Columns (n_shifts, n_coefficients, 2) of a reference of the present group.
  const float* columns(std::int64_t reference) const {
    return columns_.get() + (reference - first_) * floats_;
  }

 private:
  AngularDft dft_;
  ReferenceView references_;
  std::int64_t n_shifts_;
  ShiftTables tables_;
  std::int64_t floats_;
  std::int64_t largest_;
  AlignedBuffer columns_;
  std::vector<ColumnScratch> scratch_;
  std::int64_t first_ = 0;
  std::int64_t count_ = 0;
};

}  // namespace cl2d
