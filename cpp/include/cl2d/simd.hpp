// Which instruction set the kernels use: detected once, forced by CL2D_SIMD or set_simd_level.
#pragma once

#include <string>
#include <vector>

namespace cl2d {

/// Names of the levels this machine can run, slowest first ("baseline", "avx2", "avx512").
std::vector<std::string> available_simd_levels();

/// Level in use. The first call reads CL2D_SIMD; throws std::invalid_argument when that cannot run.
std::string simd_level();

/// Use another level from now on; throws std::invalid_argument when this machine lacks it.
void set_simd_level(const std::string& name);

}  // namespace cl2d
