// Principal components of aligned members.
#include "cl2d/gram_spectrum.hpp"

#include "arrays.hpp"

namespace cl2d::bindings {
namespace {

py::tuple spectrum(const Array<float>& members, std::int64_t n_pairs) {
  check_shape(members, "members", {-1, -1});
  const py::ssize_t n = members.shape(0), dimension = members.shape(1);
  if (n_pairs < 1 || n_pairs > kMostPairs) {
    throw std::invalid_argument("n_pairs must be 1 to " + std::to_string(kMostPairs) + ", not " +
                                std::to_string(n_pairs));
  }
  const float* data = members.data();
  Array<double> values(static_cast<py::ssize_t>(n_pairs));
  Array<double> vectors({static_cast<py::ssize_t>(n_pairs), n});
  double* values_out = values.mutable_data();
  double* vectors_out = vectors.mutable_data();
  {
    const py::gil_scoped_release release;
    gram_spectrum(data, n, dimension, n_pairs, values_out, vectors_out);
  }
  return py::make_tuple(values, vectors);
}

}  // namespace

void bind_gram_spectrum(py::module_& m) {
  m.def("gram_spectrum", &spectrum, py::arg("members").noconvert(), py::arg("n_pairs"));
}

}  // namespace cl2d::bindings
