// What the benchmarks of the engine work on: noise of the right size.
#pragma once

#include "cl2d/image_block.hpp"
#include "cl2d/search.hpp"

#include <complex>
#include <cstdint>
#include <vector>

namespace cl2d::bench {

struct GridSizes {
  int working_box_px;
  int k_max;
  double mask_radius = 0.475;  // in boxes: as far as the box goes
};

/// Images and references of noise, and the shifts of whole pixels within a tenth of the box.
struct Workload {
  Workload(const GridSizes& sizes, std::int64_t n_images, std::int64_t n_references);

  /// Search some tiles for all references at the first shifts, on one thread.
  void search(const TileRange& tiles, std::int64_t n_shifts);
  ReferenceView reference_view() const { return {references.data(), n_references}; }
  std::int64_t n_shifts() const { return static_cast<std::int64_t>(shifts.size() / 2); }

  ImageBlock block;
  std::int64_t n_references;
  std::vector<std::complex<float>> references;
  std::vector<double> shifts;
  std::vector<float> scores;
  std::vector<std::int32_t> codes;
};

}  // namespace cl2d::bench
