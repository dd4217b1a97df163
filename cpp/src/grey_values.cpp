#include "cl2d/grey_values.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>

namespace cl2d {
namespace {

// Sums run over as many values side by side, so that they can be vectorised and the order of
// additions is the same for every compiler.
constexpr std::int64_t kSide = 8;

constexpr int kLanes = 4;
using Vector = float __attribute__((vector_size(4 * kLanes)));
using Bits = std::int32_t __attribute__((vector_size(4 * kLanes)));
// The same vector at any address.
using LooseVector = float __attribute__((vector_size(4 * kLanes), aligned(4), may_alias));

struct Range {
  float low, high;
  bool is_finite;
};

struct Scale {
  double mean, deviation;
};

Range range_of(const float* values, std::int64_t n, double beyond) {
  float low[kSide], high[kSide];
  for (int j = 0; j < kSide; ++j) low[j] = high[j] = values[0];
  // Comparisons with NaN are false: only a value inside both limits is counted.
  const auto limit = static_cast<float>(beyond);
  std::int32_t inside[kSide] = {};
  const std::int64_t whole = n / kSide * kSide;
  for (std::int64_t i = 0; i < whole; i += kSide) {
    for (int j = 0; j < kSide; ++j) {
      const float value = values[i + j];
      low[j] = value < low[j] ? value : low[j];
      high[j] = value > high[j] ? value : high[j];
      inside[j] += static_cast<std::int32_t>(value > -limit) & static_cast<int>(value < limit);
    }
  }
  for (std::int64_t i = whole; i < n; ++i) {
    low[0] = std::min(low[0], values[i]);
    high[0] = std::max(high[0], values[i]);
    inside[0] += static_cast<std::int32_t>(values[i] > -limit && values[i] < limit);
  }
  std::int64_t n_inside = 0;
  for (const std::int32_t count : inside) n_inside += count;
  return {
      *std::min_element(low, low + kSide), *std::max_element(high, high + kSide), n_inside == n};
}

template <typename Term>
double mean_of(std::int64_t n, const Term& term) {
  double sums[kSide] = {};
  const std::int64_t whole = n / kSide * kSide;
  for (std::int64_t i = 0; i < whole; i += kSide) {
    for (std::int64_t j = 0; j < kSide; ++j) sums[j] += static_cast<double>(term(i + j));
  }
  for (std::int64_t i = whole; i < n; ++i) sums[0] += static_cast<double>(term(i));
  double total = 0;
  for (const double sum : sums) total += sum;
  return total / static_cast<double>(n);
}

double mean_square(const float* values, std::int64_t n) {
  return mean_of(n, [values](std::int64_t i) {
    return static_cast<double>(values[i]) * static_cast<double>(values[i]);
  });
}

double mean_square_from(double mean, const float* values, std::int64_t n) {
  return mean_of(n, [values, mean](std::int64_t i) {
    const double difference = static_cast<double>(values[i]) - mean;
    return difference * difference;
  });
}

GreyFlag flag_of(const Range& range, const GreyRules& rules) {
  if (!range.is_finite) return GreyFlag::NotFinite;
  const auto low = static_cast<double>(range.low), high = static_cast<double>(range.high);
  const double rounding = rules.least_spread * std::max(std::abs(low), std::abs(high));
  const bool is_constant = high - low <= std::max(rounding, rules.least_range);
  return is_constant ? GreyFlag::Constant : GreyFlag::Usable;
}

// Count, sum and sum of squares of the values within `reach` of `centre`, less the centre.
struct Moments {
  double count, sum, squares;
};

// Single precision within a few hundred values, double between them. `n` is a multiple of kLanes.
Moments moments_within(const float* values, std::int64_t n, float centre, float reach) {
  constexpr std::int64_t kRun = 64 * kLanes;
  const Vector one = Vector{} + 1.0F;
  Moments total{};
  for (std::int64_t first = 0; first < n; first += kRun) {
    Vector count{}, sum{}, squares{};
    for (std::int64_t i = first; i < std::min(first + kRun, n); i += kLanes) {
      const Vector difference = *reinterpret_cast<const LooseVector*>(values + i) - centre;
      const Bits is_near = (difference <= reach) & (difference >= -reach);
      const auto kept = reinterpret_cast<Vector>(reinterpret_cast<Bits>(difference) & is_near);
      count += reinterpret_cast<Vector>(reinterpret_cast<Bits>(one) & is_near);
      sum += kept;
      squares += kept * kept;
    }
    for (int j = 0; j < kLanes; ++j) {
      total.count += static_cast<double>(count[j]);
      total.sum += static_cast<double>(sum[j]);
      total.squares += static_cast<double>(squares[j]);
    }
  }
  return total;
}

// The first `n` values are replaced by their differences from about their mean, over the largest of
// these, and those after them, up to a multiple of kLanes, by one that is left out.
Scale clipped_scale(std::vector<float>& values, std::int64_t n, const GreyRules& rules) {
  float* data = values.data();
  // Differences of near values are exact: nothing of a large offset is lost.
  const auto near = static_cast<float>(mean_of(n, [data](std::int64_t i) { return data[i]; }));
  for (std::int64_t i = 0; i < n; ++i) data[i] -= near;
  const Range range = range_of(data, n, std::numeric_limits<double>::max());
  const float peak = std::max(range.high, -range.low);
  const auto offset = static_cast<double>(near), unit = static_cast<double>(peak);
  if (peak == 0) return {offset, 0.0};
  for (std::int64_t i = 0; i < n; ++i) data[i] /= peak;
  constexpr float kLeftOut = 1e6F;
  std::fill(values.begin() + n, values.end(), kLeftOut);
  double centre = 0, deviation = std::sqrt(mean_square(data, n));
  for (int round = 0; round < rules.clip_rounds; ++round) {
    const auto about = static_cast<float>(centre);
    const auto reach = static_cast<float>(rules.clip_sigma * deviation);
    const auto padded = static_cast<std::int64_t>(values.size());
    const Moments kept = moments_within(data, padded, about, reach);
    const double count = std::max(kept.count, 1.0), shift = kept.sum / count;
    centre = static_cast<double>(about) + shift;
    deviation = std::sqrt(std::max(kept.squares / count - shift * shift, 0.0)) / rules.clipped_std;
  }
  return {offset + centre * unit, deviation * unit};
}

void clip(float* values, std::int64_t n, double limit) {
  const auto most = static_cast<float>(limit);
  for (std::int64_t i = 0; i < n; ++i) {
    values[i] = values[i] < -most ? -most : values[i] > most ? most : values[i];
  }
}

// The limit is found by repetition, because the spike itself raises the first one.
void cut_spikes(float* values, std::int64_t n, float peak, const GreyRules& rules) {
  double limit = rules.spike_rms * std::sqrt(mean_square(values, n));
  if (static_cast<double>(peak) <= limit) return;
  for (int round = 0; round < rules.spike_rounds; ++round) {
    clip(values, n, limit);
    limit = rules.spike_rms * std::sqrt(mean_square(values, n));
  }
}

// In two parts: a large offset must not eat the digits of the image.
struct TwoPartScale {
  float near, factor, rest;

  explicit TwoPartScale(const Scale& scale)
      : near(static_cast<float>(scale.mean)),
        factor(static_cast<float>(scale.deviation > 0 ? 1.0 / scale.deviation : 1.0)),
        rest(static_cast<float>((scale.mean - static_cast<double>(near)) *
                                static_cast<double>(factor))) {}

  float operator()(float value) const { return (value - near) * factor - rest; }
};

// Returns the largest distance from 0. Rounding keeps the order, so it is known before.
float put_on_scale(const float* values,
                   std::int64_t n,
                   const Range& range,
                   const TwoPartScale& scale,
                   float* out) {
  for (std::int64_t i = 0; i < n; ++i) out[i] = scale(values[i]);
  return std::max(scale(range.high), -scale(range.low));
}

void check_rules(const GreyRules& rules) {
  constexpr int kMostRounds = 1000;
  for (const int rounds : {rules.clip_rounds, rules.spike_rounds}) {
    if (rounds >= 0 && rounds <= kMostRounds) continue;
    throw std::invalid_argument("rounds must be from 0 to " + std::to_string(kMostRounds) +
                                ", not " + std::to_string(rounds));
  }
}

void check_regions(const GreyImages& images, const GreyRegions& regions) {
  if (regions.mask_size != images.n_pixels) {
    throw std::invalid_argument("mask must have " + std::to_string(images.n_pixels) +
                                " pixels as the images, not " + std::to_string(regions.mask_size));
  }
  if (regions.background.empty()) {
    throw std::invalid_argument("background must hold at least one pixel");
  }
  for (const std::int64_t pixel : regions.background) {
    if (pixel >= 0 && pixel < images.n_pixels) continue;
    throw std::invalid_argument("background must hold pixels from 0 to " +
                                std::to_string(images.n_pixels - 1) + ", not " +
                                std::to_string(pixel));
  }
}

// Sums down the columns of one row of patches.
struct ColumnSums {
  std::vector<double> sums, squares;

  explicit ColumnSums(std::int64_t box)
      : sums(static_cast<std::size_t>(box)), squares(static_cast<std::size_t>(box)) {}

  void add_rows(const float* rows, std::int64_t n_rows, double reference) {
    std::fill(sums.begin(), sums.end(), 0.0);
    std::fill(squares.begin(), squares.end(), 0.0);
    const std::size_t box = sums.size();
    for (std::int64_t row = 0; row < n_rows; ++row, rows += box) {
      for (std::size_t x = 0; x < box; ++x) {
        const double value = rows[x] - reference;
        sums[x] += value;
        squares[x] += value * value;
      }
    }
  }
};

void check_patches(const GreyImages& images, const std::vector<std::int64_t>& first) {
  const auto box = static_cast<std::int64_t>(std::lround(std::sqrt(images.n_pixels)));
  if (box * box != images.n_pixels) {
    throw std::invalid_argument("images must be square, not of " + std::to_string(images.n_pixels) +
                                " pixels");
  }
  bool ascends = !first.empty() && first.front() == 0 && first.back() < box;
  for (std::size_t i = 1; i < first.size(); ++i) ascends = ascends && first[i - 1] < first[i];
  if (!ascends) {
    throw std::invalid_argument("first pixels of patches must ascend from 0 and be below the box");
  }
}

}  // namespace

void normalise_images(const GreyImages& images,
                      const GreyRegions& regions,
                      const GreyRules& rules,
                      float* normalised,
                      GreyFlag* flags) {
  check_rules(rules);
  check_regions(images, regions);
  const std::int64_t n = images.n_pixels;
  const auto n_background = static_cast<std::int64_t>(regions.background.size());
  std::vector<float> background(regions.background.size() + kLanes - 1);
  background.resize(background.size() / kLanes * kLanes);
  for (std::int64_t image = 0; image < images.n_images; ++image) {
    const float* values = images.values + image * n;
    float* out = normalised + image * n;
    const Range range = range_of(values, n, rules.beyond_sums);
    flags[image] = flag_of(range, rules);
    if (flags[image] != GreyFlag::Usable) {
      std::fill_n(out, n, 0.0F);
      continue;
    }
    for (std::size_t i = 0; i < regions.background.size(); ++i) {
      background[i] = values[regions.background[i]];
    }
    Scale scale = clipped_scale(background, n_background, rules);
    const double rounding = rules.least_spread * std::abs(scale.mean);
    if (scale.deviation <= std::max(rounding, rules.least_deviation)) {
      // A background that does not vary was masked before.
      scale.deviation = std::sqrt(mean_square_from(scale.mean, values, n));
    }
    float peak = put_on_scale(values, n, range, TwoPartScale(scale), out);
    if (!(static_cast<double>(peak) <= rules.largest)) {
      clip(out, n, rules.largest);
      peak = static_cast<float>(rules.largest);
    }
    cut_spikes(out, n, peak, rules);
    for (std::int64_t i = 0; i < n; ++i) out[i] *= regions.mask[i];
  }
}

void patch_moments(const GreyImages& images,
                   const std::vector<std::int64_t>& first,
                   const PatchMoments& moments) {
  check_patches(images, first);
  const auto box = static_cast<std::int64_t>(std::lround(std::sqrt(images.n_pixels)));
  std::vector<std::int64_t> edges = first;
  edges.push_back(box);
  ColumnSums columns(box);
  double* mean = moments.means;
  double* variance = moments.variances;
  for (std::int64_t image = 0; image < images.n_images; ++image) {
    const float* values = images.values + image * images.n_pixels;
    const Range range = range_of(values, images.n_pixels, std::numeric_limits<float>::infinity());
    moments.usable[image] = static_cast<std::uint8_t>(range.is_finite && range.low < range.high);
    for (std::size_t i = 0; i < first.size(); ++i) {
      const std::int64_t n_rows = edges[i + 1] - edges[i];
      // Any value near the others will do as a reference: it keeps the digits of an image whose
      // grey values are far from 0.
      columns.add_rows(values + edges[i] * box, n_rows, values[0]);
      for (std::size_t j = 0; j < first.size(); ++j) {
        double sum = 0, squares = 0;
        for (std::int64_t x = edges[j]; x < edges[j + 1]; ++x) {
          sum += columns.sums[static_cast<std::size_t>(x)];
          squares += columns.squares[static_cast<std::size_t>(x)];
        }
        const auto size = static_cast<double>(n_rows * (edges[j + 1] - edges[j]));
        *mean++ = static_cast<double>(values[0]) + sum / size;
        *variance++ = std::max(squares / size - sum / size * (sum / size), 0.0);
      }
    }
  }
}

}  // namespace cl2d
