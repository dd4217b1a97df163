// How many multiply-adds one thread of this machine can do, measured by the kind of kernel.
#pragma once

#include <string>

namespace cl2d::bench {

/// Operations of n_rounds rounds with the vectors of a SIMD level (see cl2d/simd.hpp), which must
/// be one this machine runs; `sum` is added to. Throws std::invalid_argument.
double multiply_add(const std::string& simd_level, int n_rounds, float* sum);

}  // namespace cl2d::bench
