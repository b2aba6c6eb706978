// Which of some arrays hold neither NaN nor infinity: one pass over each, in one call for all of them. XLA would make
// three programs for every array, which takes longer to compile than a small network's step.

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "xla/ffi/api/ffi.h"

namespace ffi = xla::ffi;

namespace freedive {
namespace {

constexpr size_t kBlock = 4096;  // numbers between two looks at what was found

bool all_finite(const float* numbers, size_t count) {
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

ffi::Error finite(ffi::Buffer<ffi::S32> wanted, ffi::RemainingArgs arrays, ffi::ResultBuffer<ffi::PRED> found) {
  for (size_t i = 0; i < arrays.size(); ++i) {
    const auto array = arrays.get<ffi::Buffer<ffi::F32>>(i);
    if (!array.has_value()) return array.error();
    found->typed_data()[i] = !*wanted.typed_data() || all_finite(array->typed_data(), array->element_count());
  }
  return ffi::Error::Success();
}

}  // namespace
}  // namespace freedive

XLA_FFI_DEFINE_HANDLER_SYMBOL(
    freedive_finite, freedive::finite,
    ffi::Ffi::Bind().Arg<ffi::Buffer<ffi::S32>>().RemainingArgs().Ret<ffi::Buffer<ffi::PRED>>());
