#include "cl2d/spline_average.hpp"

#include "arrays.hpp"

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

namespace cl2d::bindings {

namespace {

template <typename T>
std::size_t extent(const Array<T>& array, int axis) {
  return static_cast<std::size_t>(array.shape(axis));
}

template <typename T>
void check_ndim(const Array<T>& array, py::ssize_t ndim, const char* name) {
  if (array.ndim() == ndim) {
    check_aligned(array, name);
    return;
  }
  throw std::invalid_argument(std::string(name) + " must have " + std::to_string(ndim) +
                              " dimensions, not " + std::to_string(array.ndim()));
}

template <typename T>
cl2d::PoseColumn<T> pose_column(const Array<T>& array, const char* name) {
  check_ndim(array, 1, name);
  return {array.data(), extent(array, 0)};
}

void accumulate_transformed(Array<double>& sums,
                            const Array<float>& images,
                            const Array<std::int32_t>& image,
                            const Array<double>& psi_rad,
                            const Array<double>& shift_x_px,
                            const Array<double>& shift_y_px,
                            const Array<std::uint8_t>& mirror,
                            const Array<std::int32_t>& slots,
                            int n_threads) {
  check_ndim(sums, 3, "sums");
  check_ndim(images, 3, "images");
  check_ndim(slots, 2, "slots");
  const cl2d::RawImages stack{
      images.data(), extent(images, 0), extent(images, 1), extent(images, 2)};
  const cl2d::RawImagePoses poses{pose_column(image, "image"),
                                  pose_column(psi_rad, "psi_rad"),
                                  pose_column(shift_x_px, "shift_x_px"),
                                  pose_column(shift_y_px, "shift_y_px"),
                                  pose_column(mirror, "mirror"),
                                  {slots.data(), static_cast<std::size_t>(slots.size())},
                                  extent(slots, 1)};
  const cl2d::RawSums totals{
      sums.mutable_data(), extent(sums, 0), extent(sums, 1), extent(sums, 2)};
  const py::gil_scoped_release release;
  cl2d::accumulate_transformed(stack, poses, totals, n_threads);
}

}  // namespace

void bind_spline_average(py::module_& m) {
  m.def("accumulate_transformed",
        &accumulate_transformed,
        py::arg("sums").noconvert(),
        py::arg("images").noconvert(),
        py::arg("image").noconvert(),
        py::arg("psi_rad").noconvert(),
        py::arg("shift_x_px").noconvert(),
        py::arg("shift_y_px").noconvert(),
        py::arg("mirror").noconvert(),
        py::arg("slots").noconvert(),
        py::arg("n_threads"),
        "Add images, moved by their poses, to their sums, in place.");
}

}  // namespace cl2d::bindings
