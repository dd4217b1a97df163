#define CL2D_VECTOR_WIDTH 8
#define CL2D_COLUMNS_IN_FLIGHT 3
#define CL2D_TABLE_NAME kAvx2Table
#define CL2D_LEVEL_NAME "avx2"
#include "kernels/kernels.inl"
