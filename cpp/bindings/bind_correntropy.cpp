// Correntropy of images with averages at given poses.
#include "cl2d/correntropy.hpp"

#include "arrays.hpp"

namespace cl2d::bindings {
namespace {

Array<float> run_correntropy(const Array<float>& images,
                             const Array<float>& averages,
                             const Array<float>& weights,
                             double kernel_width,
                             const Array<std::int32_t>& classes,
                             const Array<double>& psi_rad,
                             const Array<double>& shift_xy,
                             const Array<std::uint8_t>& mirror,
                             int n_threads) {
  check_shape(weights, "weights", {-1, -1});
  const py::ssize_t box = weights.shape(0);
  check_shape(weights, "weights", {box, box});
  check_shape(images, "images", {-1, box, box});
  check_shape(averages, "averages", {-1, box, box});
  const py::ssize_t n = images.shape(0);
  check_shape(classes, "classes", {n, -1});
  const py::ssize_t n_candidates = classes.shape(1);
  check_shape(psi_rad, "psi_rad", {n, n_candidates});
  check_shape(shift_xy, "shift_xy", {n, n_candidates, 2});
  check_shape(mirror, "mirror", {n, n_candidates});
  Array<float> scores({n, n_candidates});
  float* out = scores.mutable_data();
  const WorkingImages stack{images.data(), n, box};
  const CorrentropyReferences references{
      averages.data(), averages.shape(0), weights.data(), kernel_width};
  const CorrentropyCandidates candidates{
      n_candidates, classes.data(), psi_rad.data(), shift_xy.data(), mirror.data()};
  {
    const py::gil_scoped_release release;
    correntropy(stack, references, candidates, out, n_threads);
  }
  return scores;
}

}  // namespace

void bind_correntropy(py::module_& m) {
  m.def("correntropy",
        &run_correntropy,
        py::arg("images").noconvert(),
        py::arg("averages").noconvert(),
        py::arg("weights").noconvert(),
        py::arg("kernel_width"),
        py::arg("classes").noconvert(),
        py::arg("psi_rad").noconvert(),
        py::arg("shift_xy").noconvert(),
        py::arg("mirror").noconvert(),
        py::arg("n_threads"),
        "Weighted mean of exp(-(P - J)^2 / (2 width^2)), (n_images, n_candidates).");
}

}  // namespace cl2d::bindings
