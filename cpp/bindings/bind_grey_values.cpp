// Grey values of images as read.
#include "cl2d/grey_values.hpp"

#include "arrays.hpp"

namespace cl2d::bindings {
namespace {

py::tuple normalise(const Array<float>& images,
                    const Array<std::int64_t>& background,
                    const Array<float>& mask,
                    const GreyRules& rules) {
  check_shape(images, "images", {-1, -1});
  check_shape(background, "background", {-1});
  check_shape(mask, "mask", {-1});
  const GreyImages stack{images.data(), images.shape(0), images.shape(1)};
  const GreyRegions regions{
      {background.data(), background.data() + background.size()}, mask.data(), mask.size()};
  Array<float> normalised({images.shape(0), images.shape(1)});
  Array<std::uint8_t> flags(images.shape(0));
  float* out = normalised.mutable_data();
  auto* flag = reinterpret_cast<GreyFlag*>(flags.mutable_data());
  {
    const py::gil_scoped_release release;
    normalise_images(stack, regions, rules, out, flag);
  }
  return py::make_tuple(normalised, flags);
}

py::tuple moments(const Array<float>& images, const Array<std::int64_t>& first) {
  check_shape(images, "images", {-1, -1, -1});
  check_shape(images, "images", {-1, images.shape(1), images.shape(1)});
  check_shape(first, "first", {-1});
  if (first.size() > images.shape(1)) {
    throw std::invalid_argument("first must be at most as many as the pixels of a row");
  }
  const GreyImages stack{images.data(), images.shape(0), images.shape(1) * images.shape(2)};
  const std::vector<std::int64_t> starts(first.data(), first.data() + first.size());
  Array<double> means({images.shape(0), first.size(), first.size()});
  Array<double> variances({images.shape(0), first.size(), first.size()});
  Array<std::uint8_t> usable(images.shape(0));
  const PatchMoments found{means.mutable_data(), variances.mutable_data(), usable.mutable_data()};
  {
    const py::gil_scoped_release release;
    patch_moments(stack, starts, found);
  }
  return py::make_tuple(means, variances, usable);
}

}  // namespace

void bind_grey_values(py::module_& m) {
  py::class_<GreyRules>(m, "GreyRules", "What counts as far, flat or too large.")
      .def(py::init<double, int, double, double, int, double, double, double, double, double>(),
           py::kw_only(),
           py::arg("clip_sigma"),
           py::arg("clip_rounds"),
           py::arg("clipped_std"),
           py::arg("spike_rms"),
           py::arg("spike_rounds"),
           py::arg("largest"),
           py::arg("beyond_sums"),
           py::arg("least_spread"),
           py::arg("least_range"),
           py::arg("least_deviation"));
  m.def("normalise_images",
        &normalise,
        py::arg("images").noconvert(),
        py::arg("background").noconvert(),
        py::arg("mask").noconvert(),
        py::arg("rules"),
        "Images on the scale of their background times the mask, and their flags.");
  m.def("patch_moments",
        &moments,
        py::arg("images").noconvert(),
        py::arg("first").noconvert(),
        "Mean and variance of each patch of images, and which of them can be used.");
}

}  // namespace cl2d::bindings
