// What works on pixels, and on members as rows of numbers.
#include "cl2d/correntropy.hpp"
#include "cl2d/gram_spectrum.hpp"
#include "cl2d/grey_values.hpp"
#include "cl2d/leading_component.hpp"
#include "cl2d/spline_average.hpp"

#include "parts.hpp"
#include "targets.hpp"

#include <cmath>

namespace cl2d::fuzz {
namespace {

/// Poses that may differ in number, as columns of somebody else's arrays may.
template <typename T>
PoseColumn<T> column_of(const std::vector<T>& values) {
  return {values.data(), values.size()};
}

std::int64_t about(Bytes& bytes, std::int64_t n) {
  return bytes.byte() >= 250 ? bytes.within<std::int64_t>(0, 9) : n;
}

GreyRules some_rules(Bytes& bytes) {
  const double clip_sigma = bytes.number();
  const int clip_rounds = bytes.size(0, 4);
  const double clipped_std = bytes.number(), spike_rms = bytes.number();
  const int spike_rounds = bytes.size(0, 4);
  return {clip_sigma,
          clip_rounds,
          clipped_std,
          spike_rms,
          spike_rounds,
          bytes.number(),
          bytes.number(),
          bytes.number(),
          bytes.number(),
          bytes.number()};
}

}  // namespace

void compare_pixels(Bytes& bytes) {
  const std::int64_t box = bytes.within(0, 40), n = bytes.within(0, 4);
  const std::int64_t n_averages = bytes.within(0, 3), n_each = bytes.within(0, 3);
  const std::vector<float> images = bytes.values<float>(n * box * box);
  const std::vector<float> averages = bytes.values<float>(n_averages * box * box);
  const std::vector<float> weights = bytes.values<float>(box * box);
  const std::vector<std::int32_t> classes =
      bytes.choices(n * n_each, static_cast<std::int32_t>(n_averages) - 1);
  const std::vector<double> psi_rad = bytes.values<double>(n * n_each);
  const std::vector<double> shift_xy = bytes.values<double>(2 * n * n_each);
  const std::vector<std::uint8_t> mirror(static_cast<std::size_t>(n * n_each), bytes.byte() % 2);
  std::vector<float> scores(static_cast<std::size_t>(n * n_each));
  correntropy({images.data(), n, box},
              {averages.data(), n_averages, weights.data(), bytes.number()},
              {n_each, classes.data(), psi_rad.data(), shift_xy.data(), mirror.data()},
              scores.data(),
              some_threads(bytes));
}

void add_pixels(Bytes& bytes) {
  const std::int64_t box = bytes.within(0, 40), n = bytes.within(0, 4);
  const std::int64_t n_poses = bytes.within(0, 9), n_slots = bytes.within(0, 3);
  const std::int64_t n_columns = bytes.within(0, 2);
  const auto size = [](std::int64_t number) { return static_cast<std::size_t>(number); };
  const std::vector<float> images = bytes.values<float>(n * box * box);
  const std::vector<std::int32_t> image = bytes.choices(n_poses, static_cast<std::int32_t>(n) - 1);
  const std::vector<double> psi_rad = bytes.values<double>(about(bytes, n_poses));
  const std::vector<double> shift_x = bytes.values<double>(about(bytes, n_poses));
  const std::vector<double> shift_y = bytes.values<double>(about(bytes, n_poses));
  const std::vector<std::uint8_t> mirror(size(about(bytes, n_poses)), bytes.byte() % 2);
  const std::vector<std::int32_t> slots =
      bytes.choices(about(bytes, n_poses) * n_columns, static_cast<std::int32_t>(n_slots) - 1);
  const std::int64_t height = about(bytes, box), width = about(bytes, box);
  std::vector<double> sums(size(n_slots * height * width));
  accumulate_transformed({images.data(), size(n), size(box), size(box)},
                         {column_of(image),
                          column_of(psi_rad),
                          column_of(shift_x),
                          column_of(shift_y),
                          column_of(mirror),
                          column_of(slots),
                          size(n_columns)},
                         {sums.data(), size(n_slots), size(height), size(width)},
                         some_threads(bytes));
}

void scale_pixels(Bytes& bytes) {
  const std::int64_t n = bytes.within(0, 3), box = bytes.within(0, 12);
  const std::int64_t n_pixels = bytes.byte() >= 250 ? bytes.within(0, 150) : box * box;
  const std::vector<float> values = bytes.values<float>(n * n_pixels);
  const GreyImages images{values.data(), n, n_pixels};
  std::vector<std::int64_t> first(static_cast<std::size_t>(bytes.within(0, 4)));
  for (std::int64_t& one : first) one = bytes.size<std::int64_t>(0, 12);
  if (bytes.byte() % 2 == 0) {
    const std::vector<float> mask = bytes.values<float>(about(bytes, n_pixels));
    std::vector<float> normalised(values.size());
    std::vector<GreyFlag> flags(static_cast<std::size_t>(n));
    normalise_images(images,
                     {first, mask.data(), static_cast<std::int64_t>(mask.size())},
                     some_rules(bytes),
                     normalised.data(),
                     flags.data());
    return;
  }
  const std::size_t n_patches = static_cast<std::size_t>(n) * first.size() * first.size();
  std::vector<double> means(n_patches), variances(n_patches);
  std::vector<std::uint8_t> usable(static_cast<std::size_t>(n));
  patch_moments(images, first, {means.data(), variances.data(), usable.data()});
}

void find_components(Bytes& bytes) {
  const std::int64_t n = bytes.within(0, 40), dimension = bytes.within(0, 60);
  const std::vector<float> members = bytes.values<float>(n * dimension);
  const std::int64_t n_pairs = bytes.size<std::int64_t>(0, 9);
  const auto size = [](std::int64_t number) { return static_cast<std::size_t>(number); };
  if (bytes.byte() % 2 == 0) {
    std::vector<double> values(size(n_pairs < 0 || n_pairs > 9 ? 0 : n_pairs));
    std::vector<double> vectors(values.size() * size(n));
    gram_spectrum(members.data(), n, dimension, n_pairs, values.data(), vectors.data());
    return;
  }
  std::vector<float> scores(size(n));
  const LeadingComponent found = leading_component(members.data(), n, dimension, scores.data());
  bool is_finite = true;
  for (const float value : members) is_finite = is_finite && std::abs(value) < 1e9F;
  if (!is_finite) return;
  require(found.variance >= 0 && found.total_variance >= 0);
  for (const float score : scores) require(std::isfinite(score));
}

}  // namespace cl2d::fuzz
