#define CL2D_VECTOR_WIDTH 4
#define CL2D_COLUMNS_IN_FLIGHT 2
#define CL2D_TABLE_NAME kBaselineTable
#define CL2D_LEVEL_NAME "baseline"
#include "kernels/kernels.inl"
