// IEEE binary16 as coefficients are stored in it: scaled by a power of two, which costs no bits.
#pragma once

#include <cstdint>
#include <cstring>

namespace cl2d {

/// What coefficients are multiplied by: those of an image of norm 1 are at most 1, and 2^15 is the
/// largest power of two that binary16 holds. Values down to 2^-29 keep 11 bits; what is smaller is
/// rounded to a multiple of 2^-39.
constexpr float kHalfScale = 32768.0F;

/// The binary16 nearest to value * kHalfScale, ties to even. |value| must be below 2.
inline std::uint16_t encode_half(float value) {
  constexpr std::uint32_t kSmallestNormal = 0x38800000;  // 2^-14 as a float
  constexpr std::uint32_t kBiasDifference = 0x38000000;  // 112 = 127 - 15 in the exponent
  const float scaled = value * kHalfScale;
  std::uint32_t bits = 0;
  std::memcpy(&bits, &scaled, sizeof bits);
  const std::uint32_t sign = bits >> 16 & 0x8000;
  bits &= 0x7fffffff;
  if (bits < kSmallestNormal) {
    // The last bit of floats in [0.5, 1) is 2^-24, that of subnormal halves: the sum rounds to it.
    float magnitude = 0;
    std::memcpy(&magnitude, &bits, sizeof magnitude);
    magnitude += 0.5F;
    std::memcpy(&bits, &magnitude, sizeof bits);
    return static_cast<std::uint16_t>(sign | (bits & 0x7fffff));
  }
  const std::uint32_t rounded = bits - kBiasDifference + 0xfff + (bits >> 13 & 1);
  return static_cast<std::uint16_t>(sign | rounded >> 13);
}

/// The value that was encoded, to 11 bits.
inline float decode_half(std::uint16_t half) {
  // Read as a float its exponent is 112 too small, that of a subnormal one, too.
  const std::uint32_t bits = (half & 0x7fffU) << 13 | (half & 0x8000U) << 16;
  float value = 0;
  std::memcpy(&value, &bits, sizeof value);
  return value * (0x1p112F / kHalfScale);
}

}  // namespace cl2d
