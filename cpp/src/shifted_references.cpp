#include "shifted_references.hpp"

#include "pose_phases.hpp"

namespace cl2d {

ShiftTables::ShiftTables(const PolarGrid& grid, const AngularDft& dft, const ShiftView& shifts)
    : floats_(static_cast<std::int64_t>(grid.n_half_angles()) * 2 * kLanes) {
  for (std::int64_t start = 0; start < shifts.n; start += kLanes) {
    double x[kLanes] = {}, y[kLanes] = {};
    for (int lane = 0; lane < kLanes && start + lane < shifts.n; ++lane) {
      x[lane] = shifts.xy[2 * (start + lane)];
      y[lane] = shifts.xy[2 * (start + lane) + 1];
    }
    tables_.push_back(make_aligned_buffer(static_cast<std::size_t>(2 * floats_)));
    shift_phases(grid, dft, {x, y, -1}, tables_.back().get(), tables_.back().get() + floats_);
  }
}

ColumnScratch::ColumnScratch(const AngularDft& dft)
    : polar(make_aligned_buffer(dft.tile_samples())),
      workspace(make_aligned_buffer(
          static_cast<std::size_t>(kernels::active_table().synthesis_workspace(dft.view())))),
      coefficients(
          make_aligned_buffer(static_cast<std::size_t>(dft.view().n_coefficients) * 2 * kLanes)) {}

void build_columns(const AngularDft& dft,
                   const std::complex<float>* reference,
                   const ShiftTables& tables,
                   std::int64_t group,
                   std::int64_t n_shifts,
                   ColumnScratch& scratch,
                   float* columns) {
  const kernels::GridView& grid = dft.view();
  const std::int64_t n_samples = static_cast<std::int64_t>(grid.n_rings) * (grid.n_angles / 2);
  float* polar = scratch.polar.get();
  for (std::int64_t i = 0; i < n_samples; ++i) {
    for (int lane = 0; lane < kLanes; ++lane) {
      polar[i * 2 * kLanes + lane] = reference[i].real();
      polar[i * 2 * kLanes + kLanes + lane] = reference[i].imag();
    }
  }
  const kernels::Table& table = kernels::active_table();
  table.ramp(grid, {tables.first(group), tables.step(group), polar});
  table.analyse(grid, {polar, scratch.workspace.get(), scratch.coefficients.get()});
  const std::int64_t start = group * kLanes;
  for (int lane = 0; lane < kLanes && start + lane < n_shifts; ++lane) {
    const float* from = scratch.coefficients.get() + lane;
    float* to = columns + (start + lane) * 2 * grid.n_coefficients;
    for (int i = 0; i < grid.n_coefficients; ++i) {
      const float c = from[i * 2 * kLanes], d = from[i * 2 * kLanes + kLanes];
      to[2 * i] = c + d;
      to[2 * i + 1] = c - d;
    }
  }
}

}  // namespace cl2d
