// ImageBlock and PolarSampler: images in, coefficients kept.
#include "cl2d/image_block.hpp"
#include "cl2d/polar_images.hpp"
#include "cl2d/polar_sampling.hpp"

#include "arrays.hpp"

#include <pybind11/complex.h>
#include <pybind11/stl.h>

namespace cl2d::bindings {
namespace {

void fill(const PolarSampler& sampler,
          ImageBlock& block,
          std::int64_t first,
          const Array<std::complex<float>>& spectra,
          int n_threads) {
  const py::ssize_t box = sampler.grid().box_px();
  check_shape(spectra, "spectra", {-1, 2 * box, box + 1});
  const std::complex<float>* data = spectra.data();
  const py::ssize_t n = spectra.shape(0);
  const py::gil_scoped_release release;
  sampler.fill(block, first, data, n, n_threads);
}

ImageBlock select(const ImageBlock& block, const Array<std::int64_t>& rows) {
  check_shape(rows, "rows", {-1});
  return block.select(std::vector<std::int64_t>(rows.data(), rows.data() + rows.size()));
}

void copy_images(ImageBlock& into,
                 const std::vector<const ImageBlock*>& blocks,
                 std::int64_t block_images,
                 const Array<std::int64_t>& rows) {
  check_shape(rows, "rows", {-1});
  const std::vector<std::int64_t> chosen(rows.data(), rows.data() + rows.size());
  const py::gil_scoped_release release;
  into.copy_images(blocks, block_images, chosen);
}

Array<std::complex<float>> coefficients(const ImageBlock& block, std::int64_t image) {
  if (image < 0 || image >= block.n_images()) throw py::index_error("image out of range");
  const py::ssize_t n = block.grid().n_coefficients();
  Array<std::complex<float>> out(n);
  std::vector<float> scratch(static_cast<std::size_t>(block.tile_floats()));
  const float* from = block.tile(image / kLanes, scratch.data()) + image % kLanes;
  for (py::ssize_t i = 0; i < n; ++i) {
    const float u = from[i * 2 * kLanes], v = from[i * 2 * kLanes + kLanes];
    out.mutable_at(i) = {(u + v) / 2, (u - v) / 2};
  }
  return out;
}

Precision precision(bool half) { return half ? Precision::Half : Precision::Single; }

ImageBlock in_memory_of(const PolarGrid& grid,
                        std::int64_t n_images,
                        bool half,
                        Array<std::uint8_t>& memory) {
  check_shape(memory, "memory", {-1});
  return {grid, n_images, precision(half), memory.mutable_data(), memory.size()};
}

ImageBlock from_polar(const PolarGrid& grid,
                      const Array<std::complex<float>>& samples,
                      int n_threads) {
  check_shape(samples, "samples", {-1, grid.n_rings(), grid.n_half_angles()});
  const std::complex<float>* data = samples.data();
  const py::ssize_t n = samples.shape(0);
  const py::gil_scoped_release release;
  return block_of_polar_images(grid, data, n, n_threads);
}

}  // namespace

void bind_image_block(py::module_& m) {
  py::class_<ImageBlock>(m, "ImageBlock", "Polar coefficients of a run of images.")
      .def(py::init([](const PolarGrid& grid, std::int64_t n_images, bool half) {
             return ImageBlock(grid, n_images, precision(half));
           }),
           py::arg("grid"),
           py::arg("n_images"),
           py::arg("half") = false)
      // The block does not copy the memory: the array lives as long as it does.
      .def(py::init(&in_memory_of),
           py::arg("grid"),
           py::arg("n_images"),
           py::arg("half"),
           py::arg("memory").noconvert(),
           py::keep_alive<1, 5>())
      .def_static(
          "bytes_needed",
          [](const PolarGrid& grid, std::int64_t n_images, bool half) {
            return ImageBlock::bytes_needed(grid, n_images, precision(half));
          },
          py::arg("grid"),
          py::arg("n_images"),
          py::arg("half"))
      .def_property_readonly(
          "half", [](const ImageBlock& block) { return block.precision() == Precision::Half; })
      .def_property_readonly("grid", &ImageBlock::grid)
      .def_property_readonly("n_images", &ImageBlock::n_images)
      .def_property_readonly("n_tiles", &ImageBlock::n_tiles)
      .def_property_readonly("bytes", &ImageBlock::bytes)
      .def("copy_images",
           &copy_images,
           py::arg("blocks"),
           py::arg("block_images"),
           py::arg("rows").noconvert())
      .def("select", &select, py::arg("rows").noconvert())
      .def(
          "copy_image", &ImageBlock::copy_image, py::arg("source"), py::arg("start"), py::arg("to"))
      .def_static("from_polar",
                  &from_polar,
                  py::arg("grid"),
                  py::arg("samples").noconvert(),
                  py::arg("n_threads"))
      .def("coefficients", &coefficients, py::arg("image"));
  py::class_<PolarSampler>(m, "PolarSampler", "Samples padded transforms onto the polar grid.")
      .def(py::init([](const PolarGrid& grid, const Array<double>& ring_weights) {
             check_shape(ring_weights, "ring_weights", {grid.n_rings()});
             return PolarSampler(grid,
                                 std::vector<double>(ring_weights.data(),
                                                     ring_weights.data() + ring_weights.size()));
           }),
           py::arg("grid"),
           py::arg("ring_weights").noconvert())
      .def("fill",
           &fill,
           py::arg("block"),
           py::arg("first"),
           py::arg("spectra").noconvert(),
           py::arg("n_threads"));
  m.def(
      "gridding_correction",
      [](int box_px) {
        const std::vector<double> values = gridding_correction(box_px);
        return Array<double>(static_cast<py::ssize_t>(values.size()), values.data());
      },
      py::arg("box_px"));
}

}  // namespace cl2d::bindings
