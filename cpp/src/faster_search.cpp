#include "faster_search.hpp"

#include "cl2d/aligned_buffer.hpp"
#include "cl2d/grid.hpp"

#include "angular_dft.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <vector>

namespace cl2d {
namespace {

// A usual grid, and as many references as the first cache holds.
constexpr int kBox = 64, kLastRing = 21;
constexpr double kRadius = 30.0;
constexpr int kReferences = 6;
constexpr int kSearches = 8;  // timed together, a fifth of a millisecond
constexpr int kRounds = 7;    // in turn: other processes rarely disturb all of one table's

/// One tile of images and a few references. What they hold does not change the work.
class SmallSearch {
 public:
  SmallSearch() : grid_(kBox, 1, kLastRing, kRadius), dft_(grid_) {
    const auto n = static_cast<std::size_t>(grid_.n_coefficients());
    tile_ = make_aligned_buffer(n * 2 * kLanes);
    columns_ = make_aligned_buffer(n * 2 * kReferences);
    std::fill_n(tile_.get(), n * 2 * kLanes, 1.0F);
    std::fill_n(columns_.get(), n * 2 * kReferences, 1.0F);
    scores_.resize(kReferences * kLanes);
    codes_.resize(kReferences * kLanes);
  }

  double seconds(const kernels::Table& table) {
    const AlignedBuffer workspace =
        make_aligned_buffer(static_cast<std::size_t>(table.search_workspace(dft_.view())));
    const auto started = std::chrono::steady_clock::now();
    for (int i = 0; i < kSearches; ++i) {
      table.search(dft_.view(),
                   {tile_.get(),
                    columns_.get(),
                    kReferences,
                    1,
                    1,
                    workspace.get(),
                    scores_.data(),
                    codes_.data()});
    }
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  }

 private:
  PolarGrid grid_;
  AngularDft dft_;
  AlignedBuffer tile_;
  AlignedBuffer columns_;
  std::vector<float> scores_;
  std::vector<std::int32_t> codes_;
};

}  // namespace

const kernels::Table* faster_search(const kernels::Table* one, const kernels::Table* other) {
  SmallSearch search;
  double least_of_one = std::numeric_limits<double>::infinity(), least_of_other = least_of_one;
  for (int round = 0; round < kRounds; ++round) {
    least_of_one = std::min(least_of_one, search.seconds(*one));
    least_of_other = std::min(least_of_other, search.seconds(*other));
  }
  return least_of_one <= least_of_other ? one : other;
}

}  // namespace cl2d
