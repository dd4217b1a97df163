// Included once per instruction set; everything but the table has internal linkage.
#include "kernels/kernels.hpp"

#include "kernels/lanes.inl"

#include "kernels/inverse_dft.inl"

#include "kernels/correntropy.inl"
#include "kernels/half.inl"
#include "kernels/members.inl"
#include "kernels/polar.inl"
#include "kernels/quads.inl"
#include "kernels/search.inl"
#include "kernels/slopes.inl"
#include "kernels/spline_fit.inl"
#include "kernels/spline_move.inl"

namespace cl2d::kernels {

const Table CL2D_TABLE_NAME = {CL2D_LEVEL_NAME,
                               kWidth,
                               search_workspace,
                               synthesis_workspace,
                               search,
                               synthesise,
                               analyse,
                               ramp,
                               shift_phases,
                               differentiate,
                               slopes,
                               correntropy,
                               fit_spline,
                               move_spline,
                               add,
                               decode_halves,
                               project_members,
                               combine_members};

}  // namespace cl2d::kernels
