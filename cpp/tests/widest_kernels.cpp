// The kernels at the width of AVX-512 without its instructions: the compiler makes their vectors of
// narrower ones, so that their logic is tested on machines that lack them.
#include "kernels/kernels.hpp"

namespace cl2d::kernels {
extern const Table kWidestTable;
}

#define CL2D_VECTOR_WIDTH 16
#define CL2D_COLUMNS_IN_FLIGHT 6
#define CL2D_TABLE_NAME kWidestTable
#define CL2D_LEVEL_NAME "widest"
#include "kernels/kernels.inl"
