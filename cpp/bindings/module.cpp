// The extension module: a list of topics, nothing else.
#include <pybind11/pybind11.h>

namespace cl2d::bindings {
void bind_build_info(pybind11::module_& m);
void bind_correntropy(pybind11::module_& m);
void bind_grey_values(pybind11::module_& m);
void bind_grid(pybind11::module_& m);
void bind_image_block(pybind11::module_& m);
void bind_gram_spectrum(pybind11::module_& m);
void bind_leading_component(pybind11::module_& m);
void bind_search(pybind11::module_& m);
void bind_spline_average(pybind11::module_& m);
void bind_update(pybind11::module_& m);
}  // namespace cl2d::bindings

PYBIND11_MODULE(_native, m) {
  m.doc() = "Compiled engine of cl2d; use it through cl2d.engine.";
  cl2d::bindings::bind_build_info(m);
  cl2d::bindings::bind_correntropy(m);
  cl2d::bindings::bind_grey_values(m);
  cl2d::bindings::bind_grid(m);
  cl2d::bindings::bind_image_block(m);
  cl2d::bindings::bind_gram_spectrum(m);
  cl2d::bindings::bind_leading_component(m);
  cl2d::bindings::bind_search(m);
  cl2d::bindings::bind_spline_average(m);
  cl2d::bindings::bind_update(m);
}
