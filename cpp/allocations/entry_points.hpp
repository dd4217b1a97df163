// Every entry point of the engine that allocates, called with small images on two threads.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace cl2d::testing {

/// What an entry point gives, as numbers that can be compared.
using Numbers = std::vector<double>;

/// By name; what they are called with is made beforehand.
std::map<std::string, std::function<Numbers()>> entry_points();

}  // namespace cl2d::testing
