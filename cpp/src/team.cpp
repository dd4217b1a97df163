#include "team.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace cl2d {

void check_threads(int n_threads) {
  if (n_threads >= 1 && n_threads <= kMostThreads) return;
  const std::string bound =
      n_threads < 1 ? "at least 1" : "at most " + std::to_string(kMostThreads);
  throw std::invalid_argument("n_threads must be " + bound + ", not " + std::to_string(n_threads));
}

int team_size(int n_threads, std::int64_t n_pieces) {
  return static_cast<int>(std::clamp<std::int64_t>(n_pieces, 1, n_threads));
}

}  // namespace cl2d
