#include "entry.hpp"

#include "cl2d/simd.hpp"

#include "targets.hpp"

#include <array>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using Target = void (*)(cl2d::fuzz::Bytes&);

constexpr std::array<Target, 11> kTargets{cl2d::fuzz::make_blocks,
                                          cl2d::fuzz::sample_images,
                                          cl2d::fuzz::search_blocks,
                                          cl2d::fuzz::search_some,
                                          cl2d::fuzz::refine_poses,
                                          cl2d::fuzz::move_blocks,
                                          cl2d::fuzz::add_members,
                                          cl2d::fuzz::compare_pixels,
                                          cl2d::fuzz::add_pixels,
                                          cl2d::fuzz::scale_pixels,
                                          cl2d::fuzz::find_components};

}  // namespace

/// A result, or an exception that says what does not fit: nothing else may come out.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::vector<std::string> levels = cl2d::available_simd_levels();
  cl2d::fuzz::Bytes bytes(data, size);
  const Target target = kTargets[bytes.byte() % kTargets.size()];
  cl2d::set_simd_level(levels[bytes.byte() % levels.size()]);
  try {
    target(bytes);
  } catch (const std::invalid_argument&) {
  } catch (const std::out_of_range&) {
  } catch (const std::bad_alloc&) {
  }
  return 0;
}
