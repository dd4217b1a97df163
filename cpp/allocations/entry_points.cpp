#include "entry_points.hpp"

#include "cl2d/chosen_search.hpp"
#include "cl2d/correntropy.hpp"
#include "cl2d/gram_spectrum.hpp"
#include "cl2d/grey_values.hpp"
#include "cl2d/image_block.hpp"
#include "cl2d/leading_component.hpp"
#include "cl2d/moved_images.hpp"
#include "cl2d/polar_images.hpp"
#include "cl2d/polar_sampling.hpp"
#include "cl2d/refine.hpp"
#include "cl2d/search.hpp"
#include "cl2d/simd.hpp"
#include "cl2d/spline_average.hpp"
#include "cl2d/update.hpp"

#include <cmath>
#include <complex>
#include <cstdint>
#include <utility>

namespace cl2d::testing {
namespace {

constexpr int kThreads = 2;
constexpr std::int64_t kImages = 40, kReferences = 3, kShifts = 20;
constexpr int kBox = 12;

template <typename T>
Numbers numbers_of(const std::vector<T>& values) {
  return {values.begin(), values.end()};
}

template <typename T>
Numbers numbers_of(const std::vector<std::complex<T>>& values) {
  Numbers all;
  for (const std::complex<T>& value : values) all.insert(all.end(), {value.real(), value.imag()});
  return all;
}

/// Values of some size that repeat nowhere.
template <typename T>
std::vector<T> waves(std::int64_t n, double size = 1) {
  std::vector<T> values;
  for (std::int64_t i = 0; i < n; ++i) {
    values.push_back(static_cast<T>(size * std::sin(0.7 * static_cast<double>(i * i % 1009))));
  }
  return values;
}

std::vector<std::complex<float>> complex_waves(std::int64_t n) {
  const std::vector<float> parts = waves<float>(2 * n);
  std::vector<std::complex<float>> values;
  for (std::size_t i = 0; i < parts.size(); i += 2) values.emplace_back(parts[i], parts[i + 1]);
  return values;
}

std::vector<std::int32_t> in_turn(std::int64_t n, std::int64_t below) {
  std::vector<std::int32_t> numbers;
  for (std::int64_t i = 0; i < n; ++i) numbers.push_back(static_cast<std::int32_t>(i % below));
  return numbers;
}

struct Inputs {
  PolarGrid grid{kBox, 1, 5, 5.5};
  std::int64_t per_image = static_cast<std::int64_t>(grid.n_rings()) * grid.n_half_angles();
  std::vector<std::complex<float>> polar = complex_waves(kImages * per_image);
  std::vector<float> coefficients = waves<float>(grid.n_coefficients() * std::int64_t{2} * kLanes);
  std::vector<std::complex<float>> references = complex_waves(kReferences * per_image);
  std::vector<double> shifts = waves<double>(2 * kShifts, 2);
  std::vector<std::int32_t> labels = in_turn(kImages, kReferences);
  std::vector<double> psi_rad = waves<double>(kImages, 3);
  std::vector<double> shift_x = waves<double>(kImages, 2);
  std::vector<double> shift_xy = waves<double>(2 * kImages, 2);
  std::vector<std::uint8_t> mirror = std::vector<std::uint8_t>(kImages, 1);
  std::vector<float> pixels = waves<float>(kImages * kBox * kBox);
  std::vector<float> mask = std::vector<float>(kBox * kBox, 1.0F);
  std::vector<std::complex<float>> spectra = complex_waves(20 * 2 * kBox * (kBox + 1));

  /// Blocks are made by hand, so that nothing of the engine has run before it is to fail.
  ImageBlock block() const {
    ImageBlock made(grid, kImages, Precision::Half);
    for (std::int64_t tile = 0; tile < made.n_tiles(); ++tile) {
      made.set_tile(tile, coefficients.data());
    }
    return made;
  }
  PoseView poses() const { return {psi_rad.data(), shift_xy.data(), mirror.data(), kImages}; }
  ReferenceView reference_view() const { return {references.data(), kReferences}; }
  ShiftView shift_view() const { return {shifts.data(), kShifts}; }
};

Numbers coefficients_of(const ImageBlock& block) {
  std::vector<float> scratch(static_cast<std::size_t>(block.tile_floats()));
  Numbers all;
  for (std::int64_t tile = 0; tile < block.n_tiles(); ++tile) {
    const float* values = block.tile(tile, scratch.data());
    all.insert(all.end(), values, values + block.tile_floats());
  }
  return all;
}

Numbers found_by(const std::vector<float>& scores, const std::vector<std::int32_t>& codes) {
  Numbers all = numbers_of(scores);
  all.insert(all.end(), codes.begin(), codes.end());
  return all;
}

Numbers run_search(const Inputs& in, const ImageBlock& block) {
  std::vector<float> scores(static_cast<std::size_t>(block.n_tiles() * kLanes * kReferences));
  std::vector<std::int32_t> codes(scores.size());
  search(block,
         {0, block.n_tiles()},
         in.reference_view(),
         in.shift_view(),
         {true, kThreads},
         scores.data(),
         codes.data());
  return found_by(scores, codes);
}

Numbers run_search_chosen(const Inputs& in, const ImageBlock& block) {
  const std::int64_t rows = block.n_tiles() * kLanes;
  const std::vector<std::int32_t> chosen = in_turn(rows, kReferences);
  std::vector<float> scores(static_cast<std::size_t>(rows));
  std::vector<std::int32_t> codes(scores.size());
  search_chosen(block,
                {0, block.n_tiles()},
                in.reference_view(),
                in.shift_view(),
                {true, kThreads},
                {chosen.data(), 1},
                scores.data(),
                codes.data());
  return found_by(scores, codes);
}

Numbers run_refine(const Inputs& in, const ImageBlock& block) {
  std::vector<double> psi_rad = in.psi_rad, shift_xy = in.shift_xy;
  std::vector<float> scores(kImages);
  refine(block,
         {0, block.n_tiles()},
         in.reference_view(),
         {0.1, 0.5, 3, 4, kThreads},
         {in.labels.data(), psi_rad.data(), shift_xy.data(), in.mirror.data(), scores.data()});
  return numbers_of(psi_rad);
}

Numbers run_accumulate(const Inputs& in, const ImageBlock& block) {
  std::vector<std::complex<double>> sums(static_cast<std::size_t>(kReferences * in.per_image));
  accumulate(block, in.labels.data(), in.poses(), sums.data(), kReferences, kThreads);
  return numbers_of(sums);
}

Numbers run_align_members(const Inputs& in, const ImageBlock& block) {
  std::vector<std::complex<float>> members(static_cast<std::size_t>(kImages * in.per_image));
  align_members(block, in.poses(), members.data(), kThreads);
  return numbers_of(members);
}

Numbers run_sampler(const Inputs& in) {
  const std::vector<double> correction = gridding_correction(kBox);
  ImageBlock block(in.grid, 20);
  PolarSampler(in.grid, std::vector<double>(static_cast<std::size_t>(in.grid.n_rings()), 1.0))
      .fill(block, 0, in.spectra.data(), 20, kThreads);
  return coefficients_of(block);
}

Numbers run_correntropy(const Inputs& in) {
  std::vector<float> scores(kImages);
  correntropy({in.pixels.data(), kImages, kBox},
              {in.pixels.data(), kReferences, in.mask.data(), 1.5},
              {1, in.labels.data(), in.psi_rad.data(), in.shift_xy.data(), in.mirror.data()},
              scores.data(),
              kThreads);
  return numbers_of(scores);
}

Numbers run_accumulate_transformed(const Inputs& in) {
  std::vector<double> sums(kReferences * kBox * kBox);
  const std::vector<std::int32_t> image = in_turn(kImages, kImages);
  accumulate_transformed({in.pixels.data(), kImages, kBox, kBox},
                         {{image.data(), kImages},
                          {in.psi_rad.data(), kImages},
                          {in.shift_x.data(), kImages},
                          {in.shift_x.data(), kImages},
                          {in.mirror.data(), kImages},
                          {in.labels.data(), kImages},
                          1},
                         {sums.data(), kReferences, kBox, kBox},
                         kThreads);
  return numbers_of(sums);
}

Numbers run_normalise(const Inputs& in) {
  std::vector<float> normalised(in.pixels.size());
  std::vector<GreyFlag> flags(kImages);
  normalise_images({in.pixels.data(), kImages, kBox * kBox},
                   {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, in.mask.data(), kBox * kBox},
                   {3, 3, 0.98, 10, 3, 1e4, 1e24, 1e-6, 1e-30, 1e-36},
                   normalised.data(),
                   flags.data());
  return numbers_of(normalised);
}

Numbers run_patches(const Inputs& in) {
  std::vector<double> means(kImages * 4), variances(kImages * 4);
  std::vector<std::uint8_t> usable(kImages);
  patch_moments({in.pixels.data(), kImages, kBox * kBox},
                {0, kBox / 2},
                {means.data(), variances.data(), usable.data()});
  return numbers_of(means);
}

Numbers run_spectrum(const Inputs& in) {
  std::vector<double> values(3), vectors(3 * kImages);
  gram_spectrum(in.pixels.data(), kImages, kBox * kBox, 3, values.data(), vectors.data());
  return numbers_of(values);
}

Numbers run_component(const Inputs& in) {
  std::vector<float> scores(kImages);
  leading_component(in.pixels.data(), kImages, kBox * kBox, scores.data());
  return numbers_of(scores);
}

}  // namespace

std::map<std::string, std::function<Numbers()>> entry_points() {
  static const Inputs in;
  static const ImageBlock block = in.block();
  const auto copied = [] {
    ImageBlock copy(in.grid, 3, block.precision());
    copy.copy_images({&block}, kImages, {0, 17, 5});
    return coefficients_of(copy);
  };
  return {
      {"grid", [] { return Numbers{1.0 * PolarGrid(kBox, 1, 5, 5.5).n_coefficients()}; }},
      {"block", [] { return coefficients_of(in.block()); }},
      {"select", [] { return coefficients_of(block.select({0, 17, 5})); }},
      {"copy_images", copied},
      {"from_polar",
       [] {
         return coefficients_of(block_of_polar_images(in.grid, in.polar.data(), kImages, kThreads));
       }},
      {"moved_images",
       [] {
         return coefficients_of(
             moved_images(block, {0, block.n_tiles()}, in.shift_xy.data(), kThreads));
       }},
      {"simd_level", [] { return Numbers{static_cast<double>(simd_level().size())}; }},
      {"sampler", [] { return run_sampler(in); }},
      {"search", [] { return run_search(in, block); }},
      {"search_chosen", [] { return run_search_chosen(in, block); }},
      {"refine", [] { return run_refine(in, block); }},
      {"accumulate", [] { return run_accumulate(in, block); }},
      {"align_members", [] { return run_align_members(in, block); }},
      {"correntropy", [] { return run_correntropy(in); }},
      {"accumulate_transformed", [] { return run_accumulate_transformed(in); }},
      {"normalise_images", [] { return run_normalise(in); }},
      {"patch_moments", [] { return run_patches(in); }},
      {"gram_spectrum", [] { return run_spectrum(in); }},
      {"leading_component", [] { return run_component(in); }}};
}

}  // namespace cl2d::testing
