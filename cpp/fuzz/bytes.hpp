// Bytes from a fuzzer, read as the sizes and numbers of a call.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>
#include <vector>

namespace cl2d::fuzz {

/// Gives what is left of the input, and zeros once nothing is.
class Bytes {
 public:
  Bytes(const std::uint8_t* data, std::size_t size) : data_(data), left_(size) {}

  std::uint8_t byte() {
    if (left_ == 0) return 0;
    --left_;
    return *data_++;
  }

  /// A whole number from low to high.
  template <typename T>
  T within(T low, T high) {
    const auto span = static_cast<std::uint64_t>(high - low) + 1;
    std::uint64_t number = byte();
    if (span > 256) number = number << 8 | byte();
    return static_cast<T>(low + static_cast<T>(number % span));
  }

  /// Usually from low to high, now and then what nobody would ask for.
  template <typename T>
  T size(T low, T high) {
    using Limits = std::numeric_limits<T>;
    constexpr std::array<T, 8> kAbsurd{
        Limits::max(), Limits::min(), -1, 0, 1, Limits::max() - 14, Limits::max() / 2, -16};
    const std::uint8_t choice = byte();
    return choice >= 240 ? kAbsurd[choice % kAbsurd.size()] : within(low, high);
  }

  /// A number of usual size, or one of the few that break sums.
  double number() {
    using Double = std::numeric_limits<double>;
    constexpr std::array<double, 15> kOdd{Double::quiet_NaN(),
                                          Double::infinity(),
                                          -Double::infinity(),
                                          Double::max(),
                                          -Double::max(),
                                          Double::denorm_min(),
                                          Double::min(),
                                          1e-45,
                                          1e-38,
                                          3e38,
                                          -3e38,
                                          1e6,
                                          -1e6,
                                          1e30,
                                          0.0};
    const std::uint8_t choice = byte();
    if (choice >= 240) return kOdd[(choice - 240U) % kOdd.size()];
    return (choice - 120) / 8.0;
  }

  template <typename T>
  T value() {
    if constexpr (std::is_floating_point_v<T>) {
      const double wide = number();
      constexpr double kMost = std::numeric_limits<T>::max();
      // What T cannot hold becomes infinite, which is said in words that a sanitizer accepts.
      if (wide > kMost) return std::numeric_limits<T>::infinity();
      if (wide < -kMost) return -std::numeric_limits<T>::infinity();
      return static_cast<T>(wide);
    } else {
      return size<T>(-1, 7);
    }
  }

  /// So many values: a few that are drawn, over and over.
  template <typename T>
  std::vector<T> values(std::int64_t n) {
    std::vector<T> drawn(static_cast<std::size_t>(within(1, 24)));
    for (T& one : drawn) one = value<T>();
    std::vector<T> all(static_cast<std::size_t>(std::max<std::int64_t>(n, 0)));
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = drawn[i % drawn.size()];
    return all;
  }

  /// Numbers of things from -1 to most, now and then others.
  std::vector<std::int32_t> choices(std::int64_t n, std::int32_t most) {
    std::vector<std::int32_t> all(static_cast<std::size_t>(std::max<std::int64_t>(n, 0)));
    for (std::int32_t& one : all) one = size<std::int32_t>(-1, std::max(most, 0));
    return all;
  }

 private:
  const std::uint8_t* data_;
  std::size_t left_;
};

/// What must hold whatever the input: the process ends where it does not.
inline void require(bool holds) {
  if (!holds) __builtin_trap();
}

}  // namespace cl2d::fuzz
