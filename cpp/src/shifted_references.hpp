// References times shifts, as the columns of the search: built a group at a time to stay in cache.
#pragma once

#include "cl2d/aligned_buffer.hpp"
#include "cl2d/references.hpp"

#include "angular_dft.hpp"

#include <vector>

namespace cl2d {

/// Phase tables of all shifts in groups of 16, made once for a search.
class ShiftTables {
 public:
  ShiftTables(const PolarGrid& grid, const AngularDft& dft, const ShiftView& shifts);
  std::int64_t n_groups() const { return static_cast<std::int64_t>(tables_.size()); }
  const float* first(std::int64_t group) const {
    return tables_[static_cast<std::size_t>(group)].get();
  }
  const float* step(std::int64_t group) const { return first(group) + floats_; }

 private:
  std::int64_t floats_;
  std::vector<AlignedBuffer> tables_;
};

/// Scratch of one thread that builds columns.
struct ColumnScratch {
  explicit ColumnScratch(const AngularDft& dft);
  AlignedBuffer polar;
  AlignedBuffer workspace;
  AlignedBuffer coefficients;
};

/// Write the columns (c + d, c - d) of one reference for one group of 16 shifts;
/// `columns` is (n_shifts, n_coefficients, 2).
void build_columns(const AngularDft& dft,
                   const std::complex<float>* reference,
                   const ShiftTables& tables,
                   std::int64_t group,
                   std::int64_t n_shifts,
                   ColumnScratch& scratch,
                   float* columns);

}  // namespace cl2d
