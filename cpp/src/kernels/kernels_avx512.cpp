#define CL2D_VECTOR_WIDTH 16
#define CL2D_COLUMNS_IN_FLIGHT 6
#define CL2D_TABLE_NAME kAvx512Table
#define CL2D_LEVEL_NAME "avx512"
#include "kernels/kernels.inl"
