// The kernels at the width of AVX-512 made of AVX2's instructions: fused multiply-adds and all.
#include "kernels/kernels.hpp"

namespace cl2d::kernels {
extern const Table kWidestFusedTable;
}

#define CL2D_VECTOR_WIDTH 16
#define CL2D_COLUMNS_IN_FLIGHT 6
#define CL2D_TABLE_NAME kWidestFusedTable
#define CL2D_LEVEL_NAME "widest fused"
#include "kernels/kernels.inl"
