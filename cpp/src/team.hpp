// How many threads share a piece of work.
#pragma once

#include <cstdint>

namespace cl2d {

/// More than any machine has. Where the system refuses a thread, OpenMP ends the process.
constexpr int kMostThreads = 4096;

/// Throws std::invalid_argument unless n_threads is from 1 to kMostThreads.
void check_threads(int n_threads);

/// No more threads than there are pieces, and one at least: each has scratch of its own.
int team_size(int n_threads, std::int64_t n_pieces);

}  // namespace cl2d
