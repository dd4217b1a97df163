#include "cl2d/spline_average.hpp"

#include "slow_alignment.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <stdexcept>
#include <vector>

namespace {

struct Poses {
  std::vector<std::int32_t> image;
  std::vector<double> psi_rad, shift_x_px, shift_y_px;
  std::vector<std::uint8_t> mirror;
  std::vector<std::int32_t> slot;
  std::size_t n_columns = 1;

  // One pose an image.
  explicit Poses(std::size_t n)
      : image(n), psi_rad(n), shift_x_px(n), shift_y_px(n), mirror(n), slot(n) {
    std::iota(image.begin(), image.end(), 0);
  }

  cl2d::RawImagePoses view() const {
    return {{image.data(), image.size()},
            {psi_rad.data(), psi_rad.size()},
            {shift_x_px.data(), shift_x_px.size()},
            {shift_y_px.data(), shift_y_px.size()},
            {mirror.data(), mirror.size()},
            {slot.data(), slot.size()},
            n_columns};
  }
};

std::vector<float> noise(std::size_t count, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float& value : values) value = normal(generator);
  return values;
}

std::vector<double> summed(const std::vector<float>& images,
                           std::size_t box,
                           const Poses& poses,
                           std::size_t n_slots,
                           int n_threads = 1) {
  std::vector<double> sums(n_slots * box * box);
  cl2d::accumulate_transformed({images.data(), images.size() / (box * box), box, box},
                               poses.view(),
                               {sums.data(), n_slots, box, box},
                               n_threads);
  return sums;
}

double from_origin(std::size_t pixel, std::size_t box) {
  const std::size_t origin = box / 2;
  return static_cast<double>(pixel) - static_cast<double>(origin);
}

template <typename T>
double largest_difference(const std::vector<double>& values, const std::vector<T>& expected) {
  double largest = 0.0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    largest = std::max(largest, std::abs(values[i] - static_cast<double>(expected[i])));
  }
  return largest;
}

// As above, within `radius` of the origin pixel of each image: the corners of a rotated box come
// from outside the image, where its reflection lies and not its reference.
double largest_difference_in_disc(const std::vector<double>& values,
                                  const std::vector<float>& reference,
                                  std::size_t box,
                                  double radius) {
  double largest = 0.0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t pixel = i % reference.size();
    const double x = from_origin(pixel % box, box);
    const double y = from_origin(pixel / box, box);
    if (std::hypot(x, y) > radius) continue;
    largest = std::max(largest, std::abs(values[i] - static_cast<double>(reference[pixel])));
  }
  return largest;
}

// Smooth, compact and without symmetry; (x, y) relative to the origin pixel. Its mass, ring 0 of
// the transform, is in no score.
double bump(double x, double y) {
  const double a = std::exp(-((x - 3) * (x - 3) + (y - 1) * (y - 1)) / 8);
  const double b = std::exp(-((x + 2) * (x + 2) + (y - 4) * (y - 4)) / 8);
  const double c = std::exp(-(x * x + (y + 4) * (y + 4)) / 8);
  return a - 2 * b + 3 * c;
}

// bump as a particle of pose i: image(x) = bump(F R x - t).
std::vector<float> posed_bump(std::size_t box, const Poses& poses, std::size_t i) {
  std::vector<float> image;
  const double cosine = std::cos(poses.psi_rad[i]);
  const double sine = std::sin(poses.psi_rad[i]);
  for (std::size_t row = 0; row < box; ++row) {
    for (std::size_t column = 0; column < box; ++column) {
      const double x = from_origin(column, box);
      const double y = from_origin(row, box);
      const double flip = poses.mirror[i] != 0 ? -1.0 : 1.0;
      const double p_x = flip * (cosine * x - sine * y) - poses.shift_x_px[i];
      const double p_y = sine * x + cosine * y - poses.shift_y_px[i];
      image.push_back(static_cast<float>(bump(p_x, p_y)));
    }
  }
  return image;
}

Poses varied_poses(std::size_t n, std::int32_t n_slots) {
  Poses poses(n);
  for (std::size_t i = 0; i < n; ++i) {
    const auto step = static_cast<double>(i);
    poses.psi_rad[i] = 0.7 * step - 3.0;
    poses.shift_x_px[i] = 1.3 * std::sin(step);
    poses.shift_y_px[i] = 2.1 * std::cos(step);
    poses.mirror[i] = i % 2;
    poses.slot[i] = static_cast<std::int32_t>(i) % n_slots;
  }
  return poses;
}

}  // namespace

TEST_CASE("an image at rest comes back as it is") {
  for (const std::size_t box : {2U, 3U, 7U, 32U, 33U}) {
    CAPTURE(box);
    const std::vector<float> image = noise(box * box, 1);
    CHECK(largest_difference(summed(image, box, Poses(1), 1), image) < 1e-5);
  }
}

TEST_CASE("particles of any pose are superposed on their reference") {
  for (const std::size_t box : {32U, 33U}) {
    CAPTURE(box);
    const std::size_t n = 9;
    const Poses poses = varied_poses(n, static_cast<std::int32_t>(n));
    std::vector<float> images;
    for (std::size_t i = 0; i < n; ++i) {
      const std::vector<float> image = posed_bump(box, poses, i);
      images.insert(images.end(), image.begin(), image.end());
    }
    const std::vector<double> sums = summed(images, box, poses, n);
    // The largest shift is below 3 px, and the last pixel lies 15 from the origin.
    CHECK(largest_difference_in_disc(sums, posed_bump(box, Poses(1), 0), box, 12) < 2e-3);
  }
}

TEST_CASE("pixels from outside the box are reflected about its edge") {
  const std::size_t box = 5;
  const std::vector<float> image = noise(box * box, 2);
  Poses poses(1);
  poses.shift_x_px[0] = 3.0;   // out(p) = image(p + t): columns 3 4 3 2 1
  poses.shift_y_px[0] = 16.0;  // two whole periods of 8
  const std::vector<double> sum = summed(image, box, poses, 1);
  const std::size_t source[] = {3, 4, 3, 2, 1};
  for (std::size_t row = 0; row < box; ++row) {
    for (std::size_t column = 0; column < box; ++column) {
      CHECK(sum[row * box + column] ==
            doctest::Approx(image[row * box + source[column]]).epsilon(1e-5));
    }
  }
}

TEST_CASE("images are added to what their sum already holds, and skipped ones are not read") {
  const std::size_t box = 4;
  std::vector<float> images = noise(3 * box * box, 3);
  images[box * box] = std::numeric_limits<float>::quiet_NaN();
  Poses poses(3);
  poses.slot = {1, -1, 1};
  poses.psi_rad[1] = std::numeric_limits<double>::infinity();
  std::vector<double> sums(2 * box * box, 10.0);
  cl2d::accumulate_transformed(
      {images.data(), 3, box, box}, poses.view(), {sums.data(), 2, box, box}, 2);
  for (std::size_t i = 0; i < box * box; ++i) {
    CHECK(sums[i] == 10.0);
    const double expected = 10.0 + images[i] + images[2 * box * box + i];
    CHECK(sums[box * box + i] == doctest::Approx(expected).epsilon(1e-6));
  }
}

TEST_CASE("several poses of an image and several sums of a pose are as good as one by one") {
  const std::size_t box = 9;
  const std::vector<float> images = noise(2 * box * box, 5);
  const Poses apart = varied_poses(4, 1);
  Poses poses = apart;
  poses.image = {0, 0, 1, 1};
  poses.n_columns = 2;
  poses.slot = {0, 1, 2, -1, -1, -1, 1, 3};
  const std::vector<double> sums = summed(images, box, poses, 4, 2);
  // moved[i]: the image of pose i, moved by that alone.
  std::vector<std::vector<double>> moved;
  for (std::size_t i = 0; i < 4; ++i) {
    Poses one(1);
    one.psi_rad[0] = apart.psi_rad[i];
    one.shift_x_px[0] = apart.shift_x_px[i];
    one.shift_y_px[0] = apart.shift_y_px[i];
    one.mirror[0] = apart.mirror[i];
    const auto first = images.begin() + static_cast<std::ptrdiff_t>(i / 2 * box * box);
    const auto past = first + static_cast<std::ptrdiff_t>(box * box);
    moved.push_back(summed({first, past}, box, one, 1));
  }
  for (std::size_t p = 0; p < box * box; ++p) {
    CHECK(sums[p] == moved[0][p]);
    CHECK(sums[box * box + p] == moved[0][p] + moved[3][p]);
    CHECK(sums[2 * box * box + p] == moved[1][p]);
    CHECK(sums[3 * box * box + p] == moved[3][p]);
  }
}

TEST_CASE("any number of threads gives the same bits") {
  const std::size_t box = 64;
  const std::size_t n = 150;  // more than two batches of 1 MB
  const std::vector<float> images = noise(n * box * box, 4);
  const Poses poses = varied_poses(n, 3);
  const std::vector<double> expected = summed(images, box, poses, 3, 1);
  for (const int n_threads : {2, 3, 7, 40}) {
    CAPTURE(n_threads);
    CHECK(summed(images, box, poses, 3, n_threads) == expected);
  }
}

TEST_CASE("the pose of best score by the slow truth is the one that superposes") {
  const int box = 24;
  cl2d::slow::Search search;
  for (int k = 1; k < 8; ++k) {
    search.k_rings.push_back(k);
    search.weights.push_back(k);
  }
  search.n_theta = 24;
  search.shifts_px = {{0.0, 0.0}, {1.0, -2.0}, {-1.0, 2.0}, {2.0, 1.0}};
  for (const bool mirror : {false, true}) {
    CAPTURE(mirror);
    Poses truth(1);
    truth.psi_rad[0] = cl2d::slow::kTwoPi * 5 / 24;
    truth.shift_x_px[0] = 1.0;
    truth.shift_y_px[0] = -2.0;
    truth.mirror[0] = mirror ? 1 : 0;
    const std::vector<float> image = posed_bump(box, truth, 0);
    const std::vector<float> reference = posed_bump(box, Poses(1), 0);
    const std::vector<double> scores = cl2d::slow::score_table(
        {image.begin(), image.end()}, {reference.begin(), reference.end()}, box, search);
    const auto best = std::max_element(scores.begin(), scores.end());
    CHECK(best - scores.begin() == (5 * 4 + 1) * 2 + (mirror ? 1 : 0));
    CHECK(*best > 0.999);
    CHECK(largest_difference_in_disc(summed(image, box, truth, 1), reference, box, 8) < 2e-3);
  }
}

TEST_CASE("sizes that disagree are refused with both numbers") {
  const std::vector<float> images(2 * 4 * 4);
  std::vector<double> sums(3 * 4 * 4);
  Poses poses(2);
  const auto call = [&](const cl2d::RawImages& stack, const cl2d::RawSums& totals, int n_threads) {
    cl2d::accumulate_transformed(stack, poses.view(), totals, n_threads);
  };
  const cl2d::RawImages good{images.data(), 2, 4, 4};
  const cl2d::RawSums room{sums.data(), 3, 4, 4};
  using Error = std::invalid_argument;
  CHECK_THROWS_WITH_AS(call({images.data(), 2, 2, 4}, room, 1),
                       "width of images must be 2 as their height, not 4",
                       Error);
  CHECK_THROWS_WITH_AS(call(good, {sums.data(), 3, 4, 2}, 1),
                       "width of sums must be 4 as that of images, not 2",
                       Error);
  CHECK_THROWS_WITH_AS(call({images.data(), 1, 4, 4}, room, 1),
                       "image of pose 1 (1) must be below the number of images (1)",
                       Error);
  CHECK_THROWS_WITH_AS(call({images.data(), 2, 1, 1}, {sums.data(), 3, 1, 1}, 1),
                       "box must be at least 2 pixels, not 1",
                       Error);
  CHECK_THROWS_WITH_AS(call(good, room, 0), "n_threads must be at least 1, not 0", Error);
  poses.n_columns = 2;
  CHECK_THROWS_WITH_AS(
      call(good, room, 1), "size of slots must be 4 as image times columns, not 2", Error);
  poses.n_columns = 1;
  poses.psi_rad.pop_back();
  CHECK_THROWS_WITH_AS(
      call(good, room, 1), "size of psi_rad must be 2 as that of image, not 1", Error);
  poses.psi_rad.push_back(0.0);
  poses.slot[1] = 3;
  CHECK_THROWS_WITH_AS(
      call(good, room, 1), "slot of image 1 (3) must be below the number of sums (3)", Error);
}

TEST_CASE("poses that are not finite are refused") {
  const double bad[] = {
      std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(), -1e300};
  for (const double value : bad) {
    CAPTURE(value);
    for (int field = value == -1e300 ? 1 : 0; field < 3; ++field) {
      Poses poses(1);
      (field == 0 ? poses.psi_rad : field == 1 ? poses.shift_x_px : poses.shift_y_px)[0] = value;
      CHECK_THROWS_AS(summed(std::vector<float>(16), 4, poses, 1), std::invalid_argument);
    }
  }
}

TEST_CASE("no image at all leaves the sums alone") {
  CHECK(summed({}, 4, Poses(0), 2) == std::vector<double>(2 * 16));
}
