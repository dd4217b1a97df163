#include "reference_slopes.hpp"

#include "cl2d/grid.hpp"

#include <algorithm>

namespace cl2d {

ReferenceSlopes::ReferenceSlopes(const AngularDft& dft,
                                 const ReferenceView& references,
                                 const std::int32_t* chosen,
                                 std::int64_t n)
    : n_samples_(static_cast<std::int64_t>(dft.view().n_rings) * (dft.view().n_angles / 2)),
      slopes_(static_cast<std::size_t>(references.n)) {
  std::vector<std::int64_t> wanted;
  for (std::int64_t i = 0; i < n; ++i) {
    if (chosen[i] >= 0) wanted.push_back(chosen[i]);
  }
  std::sort(wanted.begin(), wanted.end());
  wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
  for (std::size_t start = 0; start < wanted.size(); start += kLanes) {
    const std::size_t stop = std::min(wanted.size(), start + kLanes);
    add(dft, references, {wanted.data() + start, wanted.data() + stop});
  }
}

void ReferenceSlopes::add(const AngularDft& dft,
                          const ReferenceView& references,
                          const std::vector<std::int64_t>& some) {
  const kernels::Table& table = kernels::active_table();
  const AlignedBuffer workspace =
      make_aligned_buffer(static_cast<std::size_t>(table.synthesis_workspace(dft.view())));
  // Values, first and second derivatives: what is made of them lies in this order, too.
  const AlignedBuffer parts[] = {make_aligned_buffer(dft.tile_samples()),
                                 make_aligned_buffer(dft.tile_samples()),
                                 make_aligned_buffer(dft.tile_samples())};
  for (std::size_t lane = 0; lane < some.size(); ++lane) {
    const std::complex<float>* from = references.samples + some[lane] * n_samples_;
    float* to = parts[0].get() + lane;
    for (std::int64_t i = 0; i < n_samples_; ++i) {
      to[i * 2 * kLanes] = from[i].real();
      to[i * 2 * kLanes + kLanes] = from[i].imag();
    }
  }
  table.differentiate(dft.view(),
                      {parts[0].get(), workspace.get(), parts[1].get(), parts[2].get()});
  for (std::size_t lane = 0; lane < some.size(); ++lane) {
    std::vector<float>& to = slopes_[static_cast<std::size_t>(some[lane])];
    to.resize(static_cast<std::size_t>(n_samples_ * kParts));
    for (std::int64_t i = 0; i < n_samples_; ++i) {
      for (int part = 0; part < kParts; ++part) {
        to[static_cast<std::size_t>(i * kParts + part)] =
            parts[part / 2][static_cast<std::size_t>((i * 2 + part % 2) * kLanes) + lane];
      }
    }
  }
}

void ReferenceSlopes::gather(const std::int32_t* chosen, float* out) const {
  for (int lane = 0; lane < kLanes; ++lane) {
    float* to = out + lane;
    if (chosen[lane] < 0) {
      for (std::int64_t i = 0; i < n_samples_ * kParts; ++i) to[i * kLanes] = 0;
      continue;
    }
    const float* from = slopes_[static_cast<std::size_t>(chosen[lane])].data();
    for (std::int64_t i = 0; i < n_samples_ * kParts; ++i) to[i * kLanes] = from[i];
  }
}

}  // namespace cl2d
