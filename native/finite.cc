// Which of some arrays hold neither NaN nor infinity: one pass over each, in one call for all of them. XLA would make
// three programs for every array, which takes longer to compile than a small network's step.

#include "finite.h"

#include "xla/ffi/api/ffi.h"

namespace ffi = xla::ffi;

namespace freedive {
namespace {

ffi::Error finite(ffi::Buffer<ffi::S32> wanted, ffi::RemainingArgs arrays, ffi::ResultBuffer<ffi::PRED> found) {
  if (wanted.element_count() != 1 || found->element_count() != arrays.size())
    return ffi::Error::InvalidArgument("freedive: the sizes of the arrays given to finite do not agree");
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
