// Memory that gives out after so many allocations, in whatever thread.
#pragma once

#include <cstdint>

namespace cl2d::testing {

/// From now on `n` allocations succeed and all later ones fail, until plenty_of_memory().
void scarce_memory(std::int64_t n);
void plenty_of_memory();

}  // namespace cl2d::testing
