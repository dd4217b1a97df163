// Which of two sets of kernels searches faster, found out on the machine that runs.
#pragma once

#include "kernels/kernels.hpp"

namespace cl2d {

/// The one of two tables whose search is faster here, measured within milliseconds.
///
/// Processors that make an operation of 512 bits of two halves gain nothing by it, and some lower
/// their clock for it; neither shows in what they say of themselves.
const kernels::Table* faster_search(const kernels::Table* one, const kernels::Table* other);

}  // namespace cl2d
