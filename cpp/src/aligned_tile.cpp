#include "aligned_tile.hpp"

namespace cl2d {

AlignedTile::AlignedTile(const PolarGrid& grid, const AngularDft& dft)
    : coefficients(
          make_aligned_buffer(static_cast<std::size_t>(grid.n_coefficients()) * 2 * kLanes)),
      polar(make_aligned_buffer(dft.tile_samples())),
      phases(make_aligned_buffer(static_cast<std::size_t>(grid.n_orders()) * 2 * kLanes)),
      first(make_aligned_buffer(static_cast<std::size_t>(grid.n_angles()) * kLanes)),
      step(make_aligned_buffer(static_cast<std::size_t>(grid.n_angles()) * kLanes)),
      workspace(make_aligned_buffer(
          static_cast<std::size_t>(kernels::active_table().synthesis_workspace(dft.view())))) {}

void AlignedTile::prepare_shifts(const PolarGrid& grid,
                                 const AngularDft& dft,
                                 const LanePoses& poses) {
  shift_phases(grid, dft, {poses.shift_x, poses.shift_y, +1}, first.get(), step.get());
}

void AlignedTile::turn(const PolarGrid& grid,
                       const AngularDft& dft,
                       const float* tile,
                       const LanePoses& poses) {
  const kernels::Table& table = kernels::active_table();
  rotation_phases(grid, poses.psi_rad, phases.get());
  table.synthesise(dft.view(),
                   {tile, phases.get(), poses.mirror_sign, workspace.get(), polar.get()});
  table.ramp(dft.view(), {first.get(), step.get(), polar.get()});
}

}  // namespace cl2d
