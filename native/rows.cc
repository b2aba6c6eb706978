// Some rows of an array, copied one after the other: XLA's gathering looks for the place of every number.

#include <algorithm>
#include <cstring>

#include "xla/ffi/api/ffi.h"

namespace ffi = xla::ffi;

namespace freedive {
namespace {

constexpr long kLine = 64;  // bytes that come from memory at once

ffi::Error rows(ffi::AnyBuffer array, ffi::Buffer<ffi::S32> chosen, ffi::Result<ffi::AnyBuffer> found) {
  if (!array.dimensions().size()) return ffi::Error::InvalidArgument("freedive: an array that has no rows");
  const long all = array.dimensions()[0], count = chosen.element_count();
  const long bytes = array.size_bytes() / std::max(1L, all);
  const int* row = chosen.typed_data();
  if (long(found->size_bytes()) != count * bytes)
    return ffi::Error::InvalidArgument("freedive: the sizes of the arrays given to rows do not agree");
  for (long i = 0; i < count; ++i)
    if (row[i] < 0 || row[i] >= all) return ffi::Error::InvalidArgument("freedive: a row that the array does not have");
  const auto from = static_cast<const char*>(array.untyped_data());
  const auto to = static_cast<char*>(found->untyped_data());
  for (long i = 0; i < count; ++i) {
    if (i + 1 < count)  // rows lie anywhere: the next one is on its way while this one is copied
      for (long at = 0; at < bytes; at += kLine) __builtin_prefetch(from + row[i + 1] * bytes + at);
    std::memcpy(to + i * bytes, from + row[i] * bytes, bytes);
  }
  return ffi::Error::Success();
}

}  // namespace
}  // namespace freedive

XLA_FFI_DEFINE_HANDLER_SYMBOL(freedive_rows, freedive::rows,
                              ffi::Ffi::Bind().Arg<ffi::AnyBuffer>().Arg<ffi::Buffer<ffi::S32>>().Ret<ffi::AnyBuffer>());
