#include "cl2d/chosen_search.hpp"

#include "cl2d/threads.hpp"

#include "column_groups.hpp"
#include "team.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

namespace cl2d {
namespace {

/// Up to 16 images that are compared with one reference: a range of Cells::entries.
struct Job {
  std::int64_t reference;
  std::int64_t first;
  std::int64_t count;
};

/// Cells of the table of choices, put in the order of their references and, within, of images.
struct Cells {
  std::vector<std::int64_t> entries;
  std::vector<Job> jobs;  // in the order of references
};

struct GatheredTile {
  explicit GatheredTile(const AngularDft& dft)
      : images(
            make_aligned_buffer(static_cast<std::size_t>(dft.view().n_coefficients) * 2 * kLanes)),
        stored(
            make_aligned_buffer(static_cast<std::size_t>(dft.view().n_coefficients) * 2 * kLanes)),
        workspace(make_aligned_buffer(
            static_cast<std::size_t>(kernels::active_table().search_workspace(dft.view())))) {}
  AlignedBuffer images;
  AlignedBuffer stored;  // the same as in the block
  AlignedBuffer workspace;
  float scores[kLanes] = {};
  std::int32_t codes[kLanes] = {};
};

Cells cells_by_reference(const ChosenReferences& chosen, std::int64_t n, std::int64_t n_images) {
  std::vector<std::int64_t> ends(static_cast<std::size_t>(n) + 1);
  const std::int64_t n_cells = n_images * chosen.n_each;
  for (std::int64_t cell = 0; cell < n_cells; ++cell) {
    const std::int32_t number = chosen.numbers[cell];
    if (number >= n) {
      throw std::invalid_argument("chosen references must be below " + std::to_string(n) +
                                  ", not " + std::to_string(number));
    }
    if (number >= 0) ++ends[static_cast<std::size_t>(number) + 1];
  }
  Cells cells;
  for (std::int64_t r = 0; r < n; ++r) {
    const std::int64_t start = ends[static_cast<std::size_t>(r)];
    const std::int64_t end = ends[static_cast<std::size_t>(r) + 1] += start;
    for (std::int64_t first = start; first < end; first += kLanes) {
      cells.jobs.push_back({r, first, std::min<std::int64_t>(kLanes, end - first)});
    }
  }
  cells.entries.resize(static_cast<std::size_t>(ends.back()));
  for (std::int64_t cell = 0; cell < n_cells; ++cell) {
    if (chosen.numbers[cell] < 0) continue;
    auto& next = ends[static_cast<std::size_t>(chosen.numbers[cell])];
    cells.entries[static_cast<std::size_t>(next++)] = cell;
  }
  return cells;
}

/// Put the images of some cells into the lanes of a tile; the lanes that are left hold zeros.
void gather(const ImageBlock& block,
            const TileRange& tiles,
            std::int64_t n_each,
            const std::int64_t* entries,
            std::int64_t count,
            GatheredTile& to) {
  std::int64_t images[kLanes];
  for (std::int64_t lane = 0; lane < kLanes; ++lane) {
    images[lane] = lane < count ? tiles.first * kLanes + entries[lane] / n_each : -1;
  }
  block.gather(images, to.images.get(), to.stored.get());
}

}  // namespace

void search_chosen(const ImageBlock& block,
                   const TileRange& tiles,
                   const ReferenceView& references,
                   const ShiftView& shifts,
                   const SearchOptions& options,
                   const ChosenReferences& chosen,
                   float* scores,
                   std::int32_t* codes) {
  check_tiles(block, tiles, options.n_threads);
  const std::int64_t n_images = tiles.count * kLanes;
  const Cells cells = cells_by_reference(chosen, references.n, n_images);
  const int team = team_size(options.n_threads, static_cast<std::int64_t>(cells.jobs.size()));
  ColumnGroups groups(block.grid(), references, shifts, team);
  std::fill_n(scores, n_images * chosen.n_each, -1.0F);
  std::fill_n(codes, n_images * chosen.n_each, 0);
  std::vector<GatheredTile> scratch;
  scratch.reserve(static_cast<std::size_t>(team));
  for (int t = 0; t < team; ++t) scratch.emplace_back(groups.dft());
  std::size_t begin = 0;
  while (groups.next()) {
    std::size_t end = begin;
    while (end < cells.jobs.size() && cells.jobs[end].reference < groups.first() + groups.count()) {
      ++end;
    }
#pragma omp parallel for schedule(dynamic) num_threads(team)
    for (std::size_t j = begin; j < end; ++j) {
      GatheredTile& mine = scratch[static_cast<std::size_t>(thread_index())];
      const Job& job = cells.jobs[j];
      const std::int64_t* entries = &cells.entries[static_cast<std::size_t>(job.first)];
      gather(block, tiles, chosen.n_each, entries, job.count, mine);
      kernels::active_table().search(groups.dft().view(),
                                     {mine.images.get(),
                                      groups.columns(job.reference),
                                      1,
                                      static_cast<int>(shifts.n),
                                      options.with_mirrors ? 1 : 0,
                                      mine.workspace.get(),
                                      mine.scores,
                                      mine.codes});
      for (std::int64_t lane = 0; lane < job.count; ++lane) {
        scores[entries[lane]] = mine.scores[lane];
        codes[entries[lane]] = mine.codes[lane];
      }
    }
    begin = end;
  }
}

}  // namespace cl2d
