// The multiply-add rate of one instruction set: a product of panels, as in the middle of a matrix
// product, whose operands stay in the first-level cache. Included once for each instruction set.
namespace CL2D_BENCH_NAMESPACE {

typedef float Vec __attribute__((vector_size(4 * CL2D_BENCH_WIDTH)));

constexpr int kSteps = 128;
constexpr int kRows = 6;
constexpr int kVectors = 2;

struct Panels {
  alignas(64) Vec left[kSteps][kVectors];
  alignas(64) float right[kSteps][kRows];
};

/// Floating-point operations of one call; the sum keeps the compiler from leaving any out.
CL2D_BENCH_TARGET double multiply_panels(const Panels& panels, int n_rounds, float* sum) {
  Vec sums[kRows][kVectors] = {};
  for (int round = 0; round < n_rounds; ++round) {
    for (int step = 0; step < kSteps; ++step) {
      const Vec first = panels.left[step][0], second = panels.left[step][1];
      for (int row = 0; row < kRows; ++row) {
        const float factor = panels.right[step][row];
        sums[row][0] += first * factor;
        sums[row][1] += second * factor;
      }
    }
  }
  for (int row = 0; row < kRows; ++row) {
    for (int lane = 0; lane < CL2D_BENCH_WIDTH; ++lane)
      *sum += sums[row][0][lane] + sums[row][1][lane];
  }
  return 2.0 * n_rounds * kSteps * kRows * kVectors * CL2D_BENCH_WIDTH;
}

CL2D_BENCH_TARGET double run(int n_rounds, float* sum) {
  Panels panels;
  for (int step = 0; step < kSteps; ++step) {
    for (int row = 0; row < kRows; ++row)
      panels.right[step][row] = 1e-3F * static_cast<float>(step + row);
    for (int lane = 0; lane < CL2D_BENCH_WIDTH; ++lane) {
      panels.left[step][0][lane] = panels.left[step][1][lane] =
          1e-3F * static_cast<float>(step - lane);
    }
  }
  return multiply_panels(panels, n_rounds, sum);
}

}  // namespace CL2D_BENCH_NAMESPACE
#undef CL2D_BENCH_NAMESPACE
#undef CL2D_BENCH_WIDTH
#undef CL2D_BENCH_TARGET
