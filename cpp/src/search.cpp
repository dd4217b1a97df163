#include "cl2d/search.hpp"

#include "cl2d/threads.hpp"

#include "column_groups.hpp"
#include "team.hpp"

#include <stdexcept>
#include <string>
#include <vector>

namespace cl2d {
namespace {

struct SearchScratch {
  SearchScratch(const AngularDft& dft, std::int64_t n_references)
      : images(
            make_aligned_buffer(static_cast<std::size_t>(dft.view().n_coefficients) * 2 * kLanes)),
        workspace(make_aligned_buffer(
            static_cast<std::size_t>(kernels::active_table().search_workspace(dft.view())))),
        scores(static_cast<std::size_t>(n_references * kLanes)),
        codes(static_cast<std::size_t>(n_references * kLanes)) {}
  AlignedBuffer images;
  AlignedBuffer workspace;
  std::vector<float> scores;
  std::vector<std::int32_t> codes;
};

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
  if (tiles.first < 0 || tiles.count < 0 || tiles.count > block.n_tiles() ||
      tiles.first > block.n_tiles() - tiles.count) {
    throw std::invalid_argument("tiles must lie in the " + std::to_string(block.n_tiles()) +
                                " of the block, not be " + std::to_string(tiles.count) + " from " +
                                std::to_string(tiles.first) + " on");
  }
  check_threads(n_threads);
}

void search(const ImageBlock& block,
            const TileRange& tiles,
            const ReferenceView& references,
            const ShiftView& shifts,
            const SearchOptions& options,
            float* scores,
            std::int32_t* codes) {
  check_tiles(block, tiles, options.n_threads);
  const int team = team_size(options.n_threads, tiles.count);
  ColumnGroups groups(block.grid(), references, shifts, team);
  std::vector<SearchScratch> scratch;
  scratch.reserve(static_cast<std::size_t>(team));
  for (int t = 0; t < team; ++t) {
    scratch.emplace_back(groups.dft(), groups.largest());
  }
  while (groups.next()) {
#pragma omp parallel for schedule(dynamic) num_threads(team)
    for (std::int64_t tile = 0; tile < tiles.count; ++tile) {
      SearchScratch& mine = scratch[static_cast<std::size_t>(thread_index())];
      kernels::active_table().search(groups.dft().view(),
                                     {block.tile(tiles.first + tile, mine.images.get()),
                                      groups.columns(groups.first()),
                                      static_cast<int>(groups.count()),
                                      static_cast<int>(shifts.n),
                                      options.with_mirrors ? 1 : 0,
                                      mine.workspace.get(),
                                      mine.scores.data(),
                                      mine.codes.data()});
      const std::int64_t row = tile * kLanes * references.n;
      scatter(mine, groups.first(), groups.count(), references.n, scores + row, codes + row);
    }
  }
}

}  // namespace cl2d
