#include "cl2d/search.hpp"

#include "cl2d/threads.hpp"

#include "angular_dft.hpp"
#include "shifted_references.hpp"

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace cl2d {
namespace {

// Columns of a group of references are shared by all threads: a third of a typical last-level
// cache.
constexpr std::int64_t kColumnBytes = std::int64_t{8} << 20;

struct SearchScratch {
  explicit SearchScratch(const AngularDft& dft)
      : columns(dft),
        workspace(make_aligned_buffer(
            static_cast<std::size_t>(kernels::active_table().search_workspace(dft.view())))) {}
  ColumnScratch columns;
  AlignedBuffer workspace;
  std::vector<float> scores;
  std::vector<std::int32_t> codes;
};

/// Columns of references first..first+count-1 into `columns`, in parallel over (reference, shifts).
void build_group(const AngularDft& dft,
                 const ReferenceView& references,
                 const ShiftTables& tables,
                 std::int64_t n_shifts,
                 std::int64_t first,
                 std::int64_t count,
                 std::vector<std::unique_ptr<SearchScratch>>& scratch,
                 float* columns) {
  const kernels::GridView& grid = dft.view();
  const std::int64_t reference_size = static_cast<std::int64_t>(grid.n_rings) * (grid.n_angles / 2);
#pragma omp parallel for schedule(static) num_threads(static_cast<int>(scratch.size()))
  for (std::int64_t job = 0; job < count * tables.n_groups(); ++job) {
    const std::int64_t reference = job / tables.n_groups();
    build_columns(dft,
                  references.samples + (first + reference) * reference_size,
                  tables,
                  job % tables.n_groups(),
                  n_shifts,
                  scratch[static_cast<std::size_t>(thread_index())]->columns,
                  columns + reference * n_shifts * 2 * grid.n_coefficients);
  }
}

/// Where a tile's results go in the (image, reference) tables.
void scatter(const SearchScratch& scratch,
             std::int64_t first,
             std::int64_t count,
             std::int64_t n_references,
             float* scores,
             std::int32_t* codes) {
  for (std::int64_t lane = 0; lane < kLanes; ++lane) {
    for (std::int64_t r = 0; r < count; ++r) {
      const auto from = static_cast<std::size_t>(r * kLanes + lane);
      scores[lane * n_references + first + r] = scratch.scores[from];
      codes[lane * n_references + first + r] = scratch.codes[from];
    }
  }
}

}  // namespace

void check_tiles(const ImageBlock& block, const TileRange& tiles, int n_threads) {
  if (tiles.first < 0 || tiles.count < 0 || tiles.first + tiles.count > block.n_tiles()) {
    throw std::invalid_argument("tiles must lie in the " + std::to_string(block.n_tiles()) +
                                " of the block, not run from " + std::to_string(tiles.first) +
                                " to " + std::to_string(tiles.first + tiles.count));
  }
  if (n_threads < 1) {
    throw std::invalid_argument("n_threads must be at least 1, not " + std::to_string(n_threads));
  }
}

void search(const ImageBlock& block,
            const TileRange& tiles,
            const ReferenceView& references,
            const ShiftView& shifts,
            const SearchOptions& options,
            float* scores,
            std::int32_t* codes) {
  check_tiles(block, tiles, options.n_threads);
  if (references.n < 1 || shifts.n < 1) {
    throw std::invalid_argument("a search needs at least one reference and one shift");
  }
  if (shifts.n > INT32_MAX / (2 * block.grid().n_angles())) {
    throw std::invalid_argument("too many shifts for 32-bit pose codes: " +
                                std::to_string(shifts.n));
  }
  const AngularDft dft(block.grid());
  const ShiftTables tables(block.grid(), shifts);
  const std::int64_t floats = shifts.n * 2 * block.grid().n_coefficients();
  const std::int64_t group = std::clamp(kColumnBytes / (floats * 4), std::int64_t{1}, references.n);
  const AlignedBuffer columns = make_aligned_buffer(static_cast<std::size_t>(group * floats));
  std::vector<std::unique_ptr<SearchScratch>> scratch;
  for (int t = 0; t < options.n_threads; ++t) {
    scratch.push_back(std::make_unique<SearchScratch>(dft));
    scratch.back()->scores.resize(static_cast<std::size_t>(group * kLanes));
    scratch.back()->codes.resize(static_cast<std::size_t>(group * kLanes));
  }
  for (std::int64_t first = 0; first < references.n; first += group) {
    const std::int64_t count = std::min(group, references.n - first);
    build_group(dft, references, tables, shifts.n, first, count, scratch, columns.get());
#pragma omp parallel for schedule(dynamic) num_threads(options.n_threads)
    for (std::int64_t tile = 0; tile < tiles.count; ++tile) {
      SearchScratch& mine = *scratch[static_cast<std::size_t>(thread_index())];
      kernels::active_table().search(dft.view(),
                                     {block.tile(tiles.first + tile),
                                      columns.get(),
                                      static_cast<int>(count),
                                      static_cast<int>(shifts.n),
                                      options.with_mirrors ? 1 : 0,
                                      mine.workspace.get(),
                                      mine.scores.data(),
                                      mine.codes.data()});
      const std::int64_t row = tile * kLanes * references.n;
      scatter(mine, first, count, references.n, scores + row, codes + row);
    }
  }
}

}  // namespace cl2d
