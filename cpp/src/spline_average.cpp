#include "cl2d/spline_average.hpp"

#include "cl2d/threads.hpp"

#include "kernels/kernels.hpp"
#include "spline_image.hpp"
#include "team.hpp"
#include "usable_pose.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

namespace cl2d {
namespace {

// Images are moved in batches of 1 MB, which stay in cache until they are added, and of a few
// images for each thread at least. Several threads take larger ones: at the end of each they wait
// for the last, spinning, which on a busy machine costs more than memory that is not in cache.
constexpr std::size_t kBatchFloats = 262'144;
constexpr std::size_t kBatchFloatsOfThreads = 4'194'304;
constexpr std::size_t kImagesPerThread = 4;

[[noreturn]] void refuse(const std::string& message) { throw std::invalid_argument(message); }

void require_same(const char* what, std::size_t size, const char* other, std::size_t expected) {
  if (size == expected) return;
  refuse(std::string(what) + " must be " + std::to_string(expected) + " as " + other + ", not " +
         std::to_string(size));
}

void check_sizes(const RawImages& images, const RawImagePoses& poses, const RawSums& sums) {
  require_same("width of images", images.width, "their height", images.height);
  require_same("height of sums", sums.height, "that of images", images.height);
  require_same("width of sums", sums.width, "that of images", images.width);
  const std::size_t n_poses = poses.image.size;
  require_same("size of psi_rad", poses.psi_rad.size, "that of image", n_poses);
  require_same("size of shift_x", poses.shift_x_px.size, "that of image", n_poses);
  require_same("size of shift_y", poses.shift_y_px.size, "that of image", n_poses);
  require_same("size of mirror", poses.mirror.size, "that of image", n_poses);
  require_same("size of slots", poses.slots.size, "image times columns", n_poses * poses.n_columns);
  if (images.height < 2) {
    refuse("box must be at least 2 pixels, not " + std::to_string(images.height));
  }
}

// Whether the image is wanted in this pose by any sum.
bool is_wanted(const RawImagePoses& poses, std::size_t pose, std::size_t n_slots) {
  bool wanted = false;
  for (std::size_t c = 0; c < poses.n_columns; ++c) {
    const std::int32_t slot = poses.slots.values[pose * poses.n_columns + c];
    if (slot < 0) continue;
    if (static_cast<std::size_t>(slot) >= n_slots) {
      refuse("slot of image " + std::to_string(poses.image.values[pose]) + " (" +
             std::to_string(slot) + ") must be below the number of sums (" +
             std::to_string(n_slots) + ")");
    }
    wanted = true;
  }
  return wanted;
}

void check_pose(const RawImagePoses& poses, std::size_t pose, std::size_t n_images) {
  const std::int32_t image = poses.image.values[pose];
  if (image < 0 || static_cast<std::size_t>(image) >= n_images) {
    refuse("image of pose " + std::to_string(pose) + " (" + std::to_string(image) +
           ") must be below the number of images (" + std::to_string(n_images) + ")");
  }
  const double shift_xy[] = {poses.shift_x_px.values[pose], poses.shift_y_px.values[pose]};
  if (!is_usable_pose(poses.psi_rad.values[pose], shift_xy)) {
    refuse("pose of image " + std::to_string(image) +
           " must be finite with a shift of at most 1e6 pixels");
  }
}

// Numbers of the poses that are not skipped, in order.
std::vector<std::size_t> poses_to_add(const RawImagePoses& poses,
                                      std::size_t n_images,
                                      std::size_t n_slots) {
  std::vector<std::size_t> numbers;
  for (std::size_t i = 0; i < poses.image.size; ++i) {
    if (!is_wanted(poses, i, n_slots)) continue;
    check_pose(poses, i, n_images);
    numbers.push_back(i);
  }
  return numbers;
}

// Numbers of the poses by which images are moved together.
struct Batch {
  const std::size_t* numbers;
  std::size_t size;
};

// The spline of a thread, and the image it goes through.
struct Fitted {
  explicit Fitted(std::size_t box) : spline(box) {}
  spline::SplineImage spline;
  std::int32_t image = -1;
};

// Nothing in the parallel regions allocates or throws.
void move_images(const RawImages& images,
                 const RawImagePoses& poses,
                 const Batch& batch,
                 std::vector<Fitted>& splines,
                 float* moved) {
  const std::size_t n_pixels = images.height * images.width;
  const auto size = static_cast<std::ptrdiff_t>(batch.size);
#pragma omp parallel for schedule(static) num_threads(static_cast<int>(splines.size()))
  for (std::ptrdiff_t b = 0; b < size; ++b) {
    const std::size_t i = batch.numbers[b];
    const std::int32_t image = poses.image.values[i];
    Fitted& own = splines[static_cast<std::size_t>(thread_index())];
    if (own.image != image) own.spline.fit(images.values + image * n_pixels);
    own.image = image;
    own.spline.resample({poses.psi_rad.values[i],
                         poses.shift_x_px.values[i],
                         poses.shift_y_px.values[i],
                         poses.mirror.values[i] != 0},
                        moved + static_cast<std::size_t>(b) * n_pixels);
  }
}

// Each pixel receives its images in their order, whichever thread owns its row.
void add_in_order(const float* moved,
                  const RawImagePoses& poses,
                  const Batch& batch,
                  const RawSums& sums,
                  [[maybe_unused]] int n_threads) {
  const kernels::Table& table = kernels::active_table();
  const auto height = static_cast<std::ptrdiff_t>(sums.height);
#pragma omp parallel for schedule(static) num_threads(n_threads)
  for (std::ptrdiff_t y = 0; y < height; ++y) {
    for (std::size_t b = 0; b < batch.size; ++b) {
      const auto row = static_cast<std::size_t>(y);
      const float* from = moved + (b * sums.height + row) * sums.width;
      const std::int32_t* slots = poses.slots.values + batch.numbers[b] * poses.n_columns;
      for (std::size_t c = 0; c < poses.n_columns; ++c) {
        if (slots[c] < 0) continue;
        const auto sum = static_cast<std::size_t>(slots[c]);
        double* to = sums.values + (sum * sums.height + row) * sums.width;
        table.add({from, static_cast<int>(sums.width), to});
      }
    }
  }
}

}  // namespace

void accumulate_transformed(const RawImages& images,
                            const RawImagePoses& poses,
                            const RawSums& sums,
                            int n_threads) {
  check_sizes(images, poses, sums);
  check_threads(n_threads);
  const std::vector<std::size_t> numbers = poses_to_add(poses, images.n_images, sums.n_slots);
  if (numbers.empty()) return;
  const std::size_t box = images.height;
  const std::size_t threads = std::min(static_cast<std::size_t>(n_threads), numbers.size());
  const std::size_t floats = threads == 1 ? kBatchFloats : kBatchFloatsOfThreads;
  const std::size_t batch = std::max(floats / (box * box), kImagesPerThread * threads);
  std::vector<Fitted> splines(threads, Fitted(box));
  std::vector<float> moved(std::min(batch, numbers.size()) * box * box);
  kernels::active_table();  // may throw when first asked for: not in a parallel region
  for (std::size_t first = 0; first < numbers.size(); first += batch) {
    const Batch some{&numbers[first], std::min(batch, numbers.size() - first)};
    move_images(images, poses, some, splines, moved.data());
    add_in_order(moved.data(), poses, some, sums, static_cast<int>(threads));
  }
}

}  // namespace cl2d
