// PolarGrid.
#include "cl2d/grid.hpp"

#include <pybind11/pybind11.h>

namespace cl2d::bindings {

namespace py = pybind11;

void bind_grid(py::module_& m) {
  py::class_<PolarGrid>(m, "PolarGrid", "Polar Fourier grid of a run.")
      .def(py::init<int, int, int, double>(),
           py::arg("box_px"),
           py::arg("k_min"),
           py::arg("k_max"),
           py::arg("radius_px"))
      .def_property_readonly("box_px", &PolarGrid::box_px)
      .def_property_readonly("k_min", &PolarGrid::k_min)
      .def_property_readonly("k_max", &PolarGrid::k_max)
      .def_property_readonly("n_rings", &PolarGrid::n_rings)
      .def_property_readonly("n_angles", &PolarGrid::n_angles)
      .def_property_readonly("n_half_angles", &PolarGrid::n_half_angles)
      .def_property_readonly("n_orders", &PolarGrid::n_orders)
      .def_property_readonly("n_coefficients", &PolarGrid::n_coefficients)
      .def(
          "max_order",
          [](const PolarGrid& grid, int ring) {
            if (ring < 0 || ring >= grid.n_rings()) throw py::index_error("ring out of range");
            return grid.max_order(ring);
          },
          py::arg("ring"));
}

}  // namespace cl2d::bindings
