// Leading component of aligned members.
#include "cl2d/leading_component.hpp"

#include "arrays.hpp"

namespace cl2d::bindings {
namespace {

py::tuple component(const Array<float>& members) {
  check_shape(members, "members", {-1, -1});
  const float* data = members.data();
  const py::ssize_t n = members.shape(0), dimension = members.shape(1);
  Array<float> scores(n);
  float* out = scores.mutable_data();
  LeadingComponent result{};
  {
    const py::gil_scoped_release release;
    result = leading_component(data, n, dimension, out);
  }
  return py::make_tuple(scores, result.variance, result.total_variance);
}

}  // namespace

void bind_leading_component(py::module_& m) {
  m.def("leading_component", &component, py::arg("members").noconvert());
}

}  // namespace cl2d::bindings
