#include "multiply_add.hpp"

#include <stdexcept>

namespace cl2d::bench {
namespace {

#define CL2D_BENCH_NAMESPACE baseline
#define CL2D_BENCH_WIDTH 4
#define CL2D_BENCH_TARGET
#include "multiply_add.inl"

#ifdef CL2D_X86_KERNELS
#define CL2D_BENCH_NAMESPACE avx2
#define CL2D_BENCH_WIDTH 8
#define CL2D_BENCH_TARGET __attribute__((target("avx2,fma")))
#include "multiply_add.inl"

#define CL2D_BENCH_NAMESPACE avx512
#define CL2D_BENCH_WIDTH 16
#define CL2D_BENCH_TARGET __attribute__((target("avx512f")))
#include "multiply_add.inl"
#endif

}  // namespace

double multiply_add(const std::string& simd_level, int n_rounds, float* sum) {
  if (simd_level == "baseline") return baseline::run(n_rounds, sum);
#ifdef CL2D_X86_KERNELS
  if (simd_level == "avx2") return avx2::run(n_rounds, sum);
  if (simd_level == "avx512") return avx512::run(n_rounds, sum);
#endif
  throw std::invalid_argument("no multiply-add loop is known for '" + simd_level + "'");
}

}  // namespace cl2d::bench
