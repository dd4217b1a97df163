// All conversions between numpy arrays and the engine's pointers: exact dtype, C order, checked
// shape.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace cl2d::bindings {

namespace py = pybind11;

template <typename T>
using Array = py::array_t<T, py::array::c_style>;

/// Throws std::invalid_argument if numbers lie across the places where the machine has them: an
/// array of a packed record, or of bytes from an odd one on.
template <typename T>
void check_aligned(const Array<T>& array, const char* name) {
  if (reinterpret_cast<std::uintptr_t>(array.data()) % alignof(T) == 0) return;
  throw std::invalid_argument(std::string(name) + " must be aligned in memory to its numbers");
}

/// Throws std::invalid_argument unless the array has this shape; -1 accepts any length.
template <typename T>
void check_shape(const Array<T>& array, const char* name, const std::vector<py::ssize_t>& shape) {
  bool fits = array.ndim() == static_cast<py::ssize_t>(shape.size());
  for (std::size_t i = 0; fits && i < shape.size(); ++i) {
    fits = shape[i] < 0 || array.shape(static_cast<py::ssize_t>(i)) == shape[i];
  }
  if (fits) {
    check_aligned(array, name);
    return;
  }
  std::string wanted, given;
  for (py::ssize_t extent : shape) wanted += (extent < 0 ? "any" : std::to_string(extent)) + ", ";
  for (py::ssize_t i = 0; i < array.ndim(); ++i) given += std::to_string(array.shape(i)) + ", ";
  throw std::invalid_argument(std::string(name) + " must have shape (" + wanted + "), not (" +
                              given + ")");
}

}  // namespace cl2d::bindings
