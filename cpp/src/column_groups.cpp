#include "column_groups.hpp"

#include "cl2d/threads.hpp"

#include "usable_pose.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace cl2d {
namespace {

// Columns of a group of references are shared by all threads: a third of a typical last-level
// cache.
constexpr std::int64_t kColumnBytes = std::int64_t{8} << 20;

void check_sizes(const PolarGrid& grid, const ReferenceView& references, const ShiftView& shifts) {
  if (references.n < 1 || shifts.n < 1) {
    throw std::invalid_argument("a search needs at least one reference and one shift");
  }
  if (shifts.n > INT32_MAX / (2 * grid.n_angles())) {
    throw std::invalid_argument("too many shifts for 32-bit pose codes: " +
                                std::to_string(shifts.n));
  }
  for (std::int64_t i = 0; i < shifts.n; ++i) {
    if (is_usable_shift(shifts.xy + 2 * i)) continue;
    throw std::invalid_argument("shift " + std::to_string(i) +
                                " must be finite and at most 1e6 pixels");
  }
}

}  // namespace

ColumnGroups::ColumnGroups(const PolarGrid& grid,
                           const ReferenceView& references,
                           const ShiftView& shifts,
                           int n_threads)
    : dft_((check_sizes(grid, references, shifts), grid)),
      references_(references),
      n_shifts_(shifts.n),
      tables_(grid, dft_, shifts),
      floats_(shifts.n * 2 * grid.n_coefficients()),
      largest_(std::clamp(kColumnBytes / (floats_ * 4), std::int64_t{1}, references.n)),
      columns_(make_aligned_buffer(static_cast<std::size_t>(largest_ * floats_))) {
  for (int t = 0; t < n_threads; ++t) scratch_.emplace_back(dft_);
}

bool ColumnGroups::next() {
  first_ += count_;
  count_ = std::min(largest_, references_.n - first_);
  if (count_ == 0) return false;
  const kernels::GridView& grid = dft_.view();
  const std::int64_t reference_size = static_cast<std::int64_t>(grid.n_rings) * (grid.n_angles / 2);
#pragma omp parallel for schedule(static) num_threads(static_cast<int>(scratch_.size()))
  for (std::int64_t job = 0; job < count_ * tables_.n_groups(); ++job) {
    const std::int64_t reference = job / tables_.n_groups();
    build_columns(dft_,
                  references_.samples + (first_ + reference) * reference_size,
                  tables_,
                  job % tables_.n_groups(),
                  n_shifts_,
                  scratch_[static_cast<std::size_t>(thread_index())],
                  columns_.get() + reference * floats_);
  }
  return true;
}

}  // namespace cl2d
