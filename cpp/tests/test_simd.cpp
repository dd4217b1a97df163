#include "cl2d/simd.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

TEST_CASE("every machine runs the baseline kernels, the slowest") {
  const std::vector<std::string> levels = cl2d::available_simd_levels();
  REQUIRE(!levels.empty());
  CHECK(levels.front() == "baseline");
  CHECK(std::count(levels.begin(), levels.end(), cl2d::simd_level()) == 1);
}

TEST_CASE("a level that was set is in use until another is set") {
  const std::string before = cl2d::simd_level();
  for (const std::string& level : cl2d::available_simd_levels()) {
    cl2d::set_simd_level(level);
    CHECK(cl2d::simd_level() == level);
  }
  cl2d::set_simd_level(before);
  CHECK(cl2d::simd_level() == before);
}

TEST_CASE("an unknown level is refused with its name and the known ones, and changes nothing") {
  const std::string before = cl2d::simd_level();
  for (const std::string& name : {std::string("sse9"), std::string(""), std::string("AVX2")}) {
    CHECK_THROWS_WITH_AS(cl2d::set_simd_level(name),
                         doctest::Contains(("not '" + name + "'").c_str()),
                         std::invalid_argument);
  }
  CHECK_THROWS_WITH_AS(
      cl2d::set_simd_level("sse9"), doctest::Contains("baseline"), std::invalid_argument);
  CHECK(cl2d::simd_level() == before);
}
