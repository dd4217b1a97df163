// Exhaustive search, search of chosen references, and sub-grid refinement.
#include "cl2d/chosen_search.hpp"
#include "cl2d/moved_images.hpp"
#include "cl2d/refine.hpp"
#include "cl2d/search.hpp"

#include "arrays.hpp"

#include <pybind11/complex.h>

#include <algorithm>

namespace cl2d::bindings {
namespace {

ReferenceView view_of(const Array<std::complex<float>>& references, const PolarGrid& grid) {
  check_shape(references, "references", {-1, grid.n_rings(), grid.n_half_angles()});
  return {references.data(), references.shape(0)};
}

py::tuple run_search(const ImageBlock& block,
                     const TileRange& tiles,
                     const Array<std::complex<float>>& references,
                     const Array<double>& shifts,
                     const SearchOptions& options) {
  check_tiles(block, tiles, options.n_threads);
  const ReferenceView reference_view = view_of(references, block.grid());
  check_shape(shifts, "shifts", {-1, 2});
  const ShiftView shift_view{shifts.data(), shifts.shape(0)};
  Array<float> scores({static_cast<py::ssize_t>(tiles.count * kLanes), references.shape(0)});
  Array<std::int32_t> codes({static_cast<py::ssize_t>(tiles.count * kLanes), references.shape(0)});
  float* scores_out = scores.mutable_data();
  std::int32_t* codes_out = codes.mutable_data();
  {
    const py::gil_scoped_release release;
    search(block, tiles, reference_view, shift_view, options, scores_out, codes_out);
  }
  return py::make_tuple(scores, codes);
}

py::tuple run_search_chosen(const ImageBlock& block,
                            const TileRange& tiles,
                            const Array<std::complex<float>>& references,
                            const Array<double>& shifts,
                            const SearchOptions& options,
                            const Array<std::int32_t>& chosen) {
  check_tiles(block, tiles, options.n_threads);
  const ReferenceView reference_view = view_of(references, block.grid());
  check_shape(shifts, "shifts", {-1, 2});
  const ShiftView shift_view{shifts.data(), shifts.shape(0)};
  check_shape(chosen, "chosen", {static_cast<py::ssize_t>(tiles.count * kLanes), -1});
  const ChosenReferences chosen_view{chosen.data(), chosen.shape(1)};
  Array<float> scores({chosen.shape(0), chosen.shape(1)});
  Array<std::int32_t> codes({chosen.shape(0), chosen.shape(1)});
  float* scores_out = scores.mutable_data();
  std::int32_t* codes_out = codes.mutable_data();
  {
    const py::gil_scoped_release release;
    search_chosen(
        block, tiles, reference_view, shift_view, options, chosen_view, scores_out, codes_out);
  }
  return py::make_tuple(scores, codes);
}

ImageBlock run_moved_images(const ImageBlock& block,
                            const TileRange& tiles,
                            const Array<double>& shift_xy,
                            int n_threads) {
  check_tiles(block, tiles, n_threads);
  const std::int64_t left = std::max<std::int64_t>(block.n_images() - tiles.first * kLanes, 0);
  check_shape(
      shift_xy, "shift_xy", {static_cast<py::ssize_t>(std::min(tiles.count * kLanes, left)), 2});
  const double* data = shift_xy.data();
  const py::gil_scoped_release release;
  return moved_images(block, tiles, data, n_threads);
}

py::tuple run_refine(const ImageBlock& block,
                     const TileRange& tiles,
                     const Array<std::complex<float>>& references,
                     const RefineOptions& options,
                     const Array<std::int32_t>& chosen,
                     const Array<double>& psi_rad,
                     const Array<double>& shift_xy,
                     const Array<std::uint8_t>& mirror) {
  check_tiles(block, tiles, options.n_threads);
  // Beyond the last, partly filled tile there are fewer images left than none.
  const py::ssize_t left = std::max<py::ssize_t>(block.n_images() - tiles.first * kLanes, 0);
  const py::ssize_t n = std::min<py::ssize_t>(tiles.count * kLanes, left);
  check_shape(chosen, "chosen", {n});
  check_shape(psi_rad, "psi_rad", {n});
  check_shape(shift_xy, "shift_xy", {n, 2});
  check_shape(mirror, "mirror", {n});
  const ReferenceView reference_view = view_of(references, block.grid());
  Array<double> psi_out(n, psi_rad.data());
  Array<double> shift_out({n, py::ssize_t{2}}, shift_xy.data());
  Array<float> scores(n);
  const RefinedPoses poses{chosen.data(),
                           psi_out.mutable_data(),
                           shift_out.mutable_data(),
                           mirror.data(),
                           scores.mutable_data()};
  {
    const py::gil_scoped_release release;
    refine(block, tiles, reference_view, options, poses);
  }
  return py::make_tuple(psi_out, shift_out, scores);
}

}  // namespace

void bind_search(py::module_& m) {
  py::class_<TileRange>(m, "TileRange", "A run of whole tiles of a block.")
      .def(py::init([](std::int64_t first, std::int64_t count) { return TileRange{first, count}; }),
           py::arg("first"),
           py::arg("count"))
      .def_readonly("first", &TileRange::first)
      .def_readonly("count", &TileRange::count);
  py::class_<SearchOptions>(m, "SearchOptions", "How to search.")
      .def(py::init([](bool with_mirrors, int n_threads) {
             return SearchOptions{with_mirrors, n_threads};
           }),
           py::arg("with_mirrors"),
           py::arg("n_threads"))
      .def_readonly("n_threads", &SearchOptions::n_threads);
  py::class_<RefineOptions>(m, "RefineOptions", "How to refine poses.")
      .def(py::init([](double step_rad,
                       double step_px,
                       int n_rounds,
                       double max_shift_px,
                       int n_threads) {
             return RefineOptions{step_rad, step_px, n_rounds, max_shift_px, n_threads};
           }),
           py::arg("step_rad"),
           py::arg("step_px"),
           py::arg("n_rounds"),
           py::arg("max_shift_px"),
           py::arg("n_threads"));
  m.def("search",
        &run_search,
        py::arg("block"),
        py::arg("tiles"),
        py::arg("references").noconvert(),
        py::arg("shifts").noconvert(),
        py::arg("options"));
  m.def("search_chosen",
        &run_search_chosen,
        py::arg("block"),
        py::arg("tiles"),
        py::arg("references").noconvert(),
        py::arg("shifts").noconvert(),
        py::arg("options"),
        py::arg("chosen").noconvert());
  m.def("moved_images",
        &run_moved_images,
        py::arg("block"),
        py::arg("tiles"),
        py::arg("shift_xy").noconvert(),
        py::arg("n_threads"));
  m.def("refine",
        &run_refine,
        py::arg("block"),
        py::arg("tiles"),
        py::arg("references").noconvert(),
        py::arg("options"),
        py::arg("chosen").noconvert(),
        py::arg("psi_rad").noconvert(),
        py::arg("shift_xy").noconvert(),
        py::arg("mirror").noconvert());
}

}  // namespace cl2d::bindings
