// How this extension was built, and which kernels it runs.
#include "cl2d/simd.hpp"

#include <Eigen/Core>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <string>

namespace cl2d::bindings {

namespace py = pybind11;

void bind_build_info(py::module_& m) {
  m.attr("version") = CL2D_VERSION;
#if defined(__clang__)
  m.attr("compiler") = std::string("clang ") + __clang_version__;
#else
  m.attr("compiler") = std::string("gcc ") + __VERSION__;
#endif
  m.attr("eigen_version") = std::to_string(EIGEN_WORLD_VERSION) + "." +
                            std::to_string(EIGEN_MAJOR_VERSION) + "." +
                            std::to_string(EIGEN_MINOR_VERSION);
#ifdef _OPENMP
  m.attr("has_openmp") = true;
#else
  m.attr("has_openmp") = false;
#endif
  m.def("simd_level", &simd_level, "Name of the kernels in use.");
  m.def("available_simd_levels",
        &available_simd_levels,
        "Names of the kernels this machine can run.");
  m.def("set_simd_level", &set_simd_level, py::arg("name"), "Use other kernels from now on.");
}

}  // namespace cl2d::bindings
