// Class sums and aligned members.
#include "cl2d/update.hpp"

#include "arrays.hpp"

#include <pybind11/complex.h>

namespace cl2d::bindings {
namespace {

PoseView pose_view(const Array<double>& psi_rad,
                   const Array<double>& shift_xy,
                   const Array<std::uint8_t>& mirror) {
  check_shape(psi_rad, "psi_rad", {-1});
  const py::ssize_t n = psi_rad.shape(0);
  check_shape(shift_xy, "shift_xy", {n, 2});
  check_shape(mirror, "mirror", {n});
  return {psi_rad.data(), shift_xy.data(), mirror.data(), n};
}

Array<std::complex<double>> run_accumulate(const ImageBlock& block,
                                           const Array<std::int32_t>& slots,
                                           const Array<double>& psi_rad,
                                           const Array<double>& shift_xy,
                                           const Array<std::uint8_t>& mirror,
                                           std::int64_t n_slots,
                                           int n_threads) {
  const PoseView poses = pose_view(psi_rad, shift_xy, mirror);
  check_shape(slots, "slots", {block.n_images()});
  if (n_slots < 1 || n_slots > INT32_MAX) {
    throw std::invalid_argument("n_slots must be at least 1 and at most " +
                                std::to_string(INT32_MAX) + ", not " + std::to_string(n_slots));
  }
  Array<std::complex<double>> sums({static_cast<py::ssize_t>(n_slots),
                                    static_cast<py::ssize_t>(block.grid().n_rings()),
                                    static_cast<py::ssize_t>(block.grid().n_half_angles())});
  std::complex<double>* out = sums.mutable_data();
  const py::ssize_t size = sums.size();
  const std::int32_t* slot_data = slots.data();
  {
    const py::gil_scoped_release release;
    for (py::ssize_t i = 0; i < size; ++i) out[i] = 0;
    accumulate(block, slot_data, poses, out, n_slots, n_threads);
  }
  return sums;
}

Array<std::complex<float>> run_align_members(const ImageBlock& block,
                                             const Array<double>& psi_rad,
                                             const Array<double>& shift_xy,
                                             const Array<std::uint8_t>& mirror,
                                             int n_threads) {
  const PoseView poses = pose_view(psi_rad, shift_xy, mirror);
  Array<std::complex<float>> members({static_cast<py::ssize_t>(block.n_images()),
                                      static_cast<py::ssize_t>(block.grid().n_rings()),
                                      static_cast<py::ssize_t>(block.grid().n_half_angles())});
  std::complex<float>* out = members.mutable_data();
  {
    const py::gil_scoped_release release;
    align_members(block, poses, out, n_threads);
  }
  return members;
}

}  // namespace

void bind_update(py::module_& m) {
  m.def("accumulate",
        &run_accumulate,
        py::arg("block"),
        py::arg("slots").noconvert(),
        py::arg("psi_rad").noconvert(),
        py::arg("shift_xy").noconvert(),
        py::arg("mirror").noconvert(),
        py::arg("n_slots"),
        py::arg("n_threads"));
  m.def("align_members",
        &run_align_members,
        py::arg("block"),
        py::arg("psi_rad").noconvert(),
        py::arg("shift_xy").noconvert(),
        py::arg("mirror").noconvert(),
        py::arg("n_threads"));
}

}  // namespace cl2d::bindings
