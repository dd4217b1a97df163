// Drives the targets without a fuzzer: over inputs that are kept, and over others made of them.
//
//   cl2d_fuzz_driven N CORPUS
#include "entry.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <random>
#include <string>
#include <vector>

namespace {

using Input = std::vector<std::uint8_t>;

/// One input a line, each byte as two hexadecimal digits.
std::vector<Input> read(const char* path) {
  std::ifstream file(path);
  if (!file) {
    std::fprintf(stderr, "%s cannot be read\n", path);
    std::exit(2);
  }
  std::vector<Input> kept;
  for (std::string line; std::getline(file, line);) {
    Input input;
    for (std::size_t i = 0; i + 1 < line.size(); i += 2) {
      input.push_back(static_cast<std::uint8_t>(std::stoi(line.substr(i, 2), nullptr, 16)));
    }
    kept.push_back(input);
  }
  return kept;
}

/// A kept input with some bytes changed, or random ones.
Input varied(const std::vector<Input>& kept, std::mt19937& generator) {
  const auto below = [&](std::size_t n) { return generator() % std::max<std::size_t>(n, 1); };
  Input input;
  if (!kept.empty() && below(4) != 0) input = kept[below(kept.size())];
  if (input.empty()) input.resize(2 + below(200));
  for (std::size_t n = 1 + below(1 + input.size() / 4); n > 0; --n) {
    input[below(input.size())] = static_cast<std::uint8_t>(generator());
  }
  return input;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const std::vector<Input> kept = read(argv[2]);
  for (const Input& input : kept) LLVMFuzzerTestOneInput(input.data(), input.size());
  std::mt19937 generator(1);
  const long n = std::strtol(argv[1], nullptr, 10);
  for (long i = 0; i < n; ++i) {
    const Input input = varied(kept, generator);
    LLVMFuzzerTestOneInput(input.data(), input.size());
  }
  std::printf("%zu kept inputs and %ld others: nothing but results and refusals\n", kept.size(), n);
  return 0;
}
