#include "cl2d/correntropy.hpp"

#include "cl2d/threads.hpp"

#include "kernels/kernels.hpp"
#include "spline_image.hpp"
#include "team.hpp"
#include "usable_pose.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

namespace cl2d {
namespace {

/// Pixels are counted in 32 bits.
constexpr std::int64_t kLargestImageBox = 32768;
/// One over its square is a float, and that times a square of 0 is 0.
constexpr double kLeastWidth = 1e-18;

[[noreturn]] void refuse(const std::string& message) { throw std::invalid_argument(message); }

double weight_sum(const WorkingImages& images, const CorrentropyReferences& references) {
  double sum = 0.0;
  for (std::int64_t i = 0; i < images.box * images.box; ++i) {
    sum += static_cast<double>(references.weights[i]);
  }
  return sum;
}

void check(const WorkingImages& images,
           const CorrentropyReferences& references,
           const CorrentropyCandidates& candidates,
           int n_threads) {
  if (images.box < 2 || images.box > kLargestImageBox) {
    refuse("box must be from 2 to " + std::to_string(kLargestImageBox) + " pixels, not " +
           std::to_string(images.box));
  }
  if (!(references.kernel_width >= kLeastWidth)) refuse("kernel_width must be above 1e-18");
  const double weights = weight_sum(images, references);
  if (!(weights > 0) || std::isinf(weights)) refuse("the sum of weights must be above 0");
  check_threads(n_threads);
  for (std::int64_t i = 0; i < images.n * candidates.n_candidates; ++i) {
    const std::int32_t chosen = candidates.classes[i];
    if (chosen < 0 || chosen >= references.n) {
      refuse("class " + std::to_string(chosen) + " of candidate " + std::to_string(i) +
             " must be below the number of averages (" + std::to_string(references.n) + ")");
    }
    if (!is_usable_pose(candidates.psi_rad[i], candidates.shift_xy + 2 * i)) {
      refuse("pose of candidate " + std::to_string(i) +
             " must be finite with a shift of at most 1e6 pixels");
    }
  }
}

struct Scratch {
  explicit Scratch(std::size_t box) : spline(box), moved(box * box) {}
  spline::SplineImage spline;
  std::vector<float> moved;
  std::int32_t fitted = -1;  // class the spline goes through
};

/// All candidates, those of one class together, in order otherwise.
std::vector<std::int64_t> sorted_by_class(const std::int32_t* classes, std::int64_t n) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  std::stable_sort(order.begin(), order.end(), [classes](std::int64_t a, std::int64_t b) {
    return classes[a] < classes[b];
  });
  return order;
}

/// The pose that moves an average into the frame of the image: x = F' R' p - t' if p = F R x - t.
spline::Pose inverse_pose(const CorrentropyCandidates& candidates, std::int64_t at) {
  const bool is_mirrored = candidates.mirror[at] != 0;
  const double psi = candidates.psi_rad[at];
  const double c = std::cos(psi), s = std::sin(psi);
  const double x = is_mirrored ? -candidates.shift_xy[2 * at] : candidates.shift_xy[2 * at];
  const double y = candidates.shift_xy[2 * at + 1];
  return {is_mirrored ? psi : -psi, -(c * x + s * y), -(c * y - s * x), is_mirrored};
}

}  // namespace

void correntropy(const WorkingImages& images,
                 const CorrentropyReferences& references,
                 const CorrentropyCandidates& candidates,
                 float* scores,
                 int n_threads) {
  check(images, references, candidates, n_threads);
  const std::int64_t n_pixels = images.box * images.box;
  const std::int64_t n = images.n * candidates.n_candidates;
  const double scale = 1.0 / weight_sum(images, references);
  const double width = references.kernel_width;
  const auto minus_rate = static_cast<float>(-0.5 / (width * width));
  const kernels::Table& table = kernels::active_table();
  const std::vector<std::int64_t> order = sorted_by_class(candidates.classes, n);
  const int team = team_size(n_threads, n);
  std::vector<Scratch> scratch(static_cast<std::size_t>(team),
                               Scratch(static_cast<std::size_t>(images.box)));
  // Nothing in the parallel region allocates or throws.
#pragma omp parallel for schedule(static) num_threads(team)
  for (std::int64_t j = 0; j < n; ++j) {
    Scratch& own = scratch[static_cast<std::size_t>(thread_index())];
    const std::int64_t at = order[static_cast<std::size_t>(j)];
    const std::int32_t chosen = candidates.classes[at];
    if (own.fitted != chosen) own.spline.fit(references.averages + chosen * n_pixels);
    own.fitted = chosen;
    own.spline.resample(inverse_pose(candidates, at), own.moved.data());
    const double sum = table.correntropy({images.values + at / candidates.n_candidates * n_pixels,
                                          own.moved.data(),
                                          references.weights,
                                          static_cast<int>(n_pixels),
                                          minus_rate});
    scores[at] = static_cast<float>(sum * scale);
  }
}

}  // namespace cl2d
