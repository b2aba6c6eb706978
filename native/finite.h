// Whether numbers are finite, by their bits.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace freedive {
namespace {

constexpr size_t kBlock = 4096;  // numbers between two looks at what was found

inline bool all_finite(const float* numbers, size_t count) {
  for (size_t from = 0; from < count; from += kBlock) {
    uint32_t found = 0;
    for (size_t i = from, to = std::min(count, from + kBlock); i < to; ++i) {
      uint32_t bits;
      std::memcpy(&bits, numbers + i, sizeof bits);
      found |= (bits & 0x7f800000u) + 0x00800000u;  // the highest bit, if all of the exponent's are set
    }
    if (found >> 31) return false;
  }
  return true;
}

}  // namespace
}  // namespace freedive
