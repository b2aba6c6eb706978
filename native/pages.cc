// Large pages for a program's memory. XLA takes the memory that a dispatch computes in anew from the system, which
// hands it over and clears it page by page, 4 KiB each: a Transformer's step of 0.2 s waits for 44,000 of them. This door
// stands at the beginning of a program, hands its number through, and asks for pages of 2 MiB in the mapping where the
// number lies: the memory of the dispatch, of which nothing else has been touched yet.

#include <cstdint>
#include <cstdio>

#include "xla/ffi/api/ffi.h"

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace ffi = xla::ffi;

namespace freedive {
namespace {

struct Range {
  uintptr_t begin = 0, end = 0;
  bool has(uintptr_t at) const { return begin <= at && at < end; }
};

constexpr uintptr_t kLeast = 16UL << 20;  // bytes that are worth it

#ifdef __linux__
// The mapping around an address.
Range mapping_of(uintptr_t at) {
  std::FILE* maps = std::fopen("/proc/self/maps", "re");
  Range found;
  char line[512];
  while (maps && std::fgets(line, sizeof line, maps)) {
    unsigned long begin, end;
    if (std::sscanf(line, "%lx-%lx ", &begin, &end) == 2 && begin <= at && at < end) found = {begin, end};
    if (found.end) break;
  }
  if (maps) std::fclose(maps);
  return found;
}

void enlarge(const void* place) {
  static thread_local Range small;  // where this thread's small programs compute: looked up once
  const auto at = reinterpret_cast<uintptr_t>(place);
  if (small.has(at)) return;
  const Range found = mapping_of(at);
  if (found.end - found.begin < kLeast) small = found;
  else madvise(reinterpret_cast<void*>(found.begin), found.end - found.begin, MADV_HUGEPAGE);
}
#else
void enlarge(const void*) {}
#endif

ffi::Error large_pages(ffi::Buffer<ffi::S32> number, ffi::ResultBuffer<ffi::S32> same) {
  if (number.element_count() != 1 || same->element_count() != 1)
    return ffi::Error::InvalidArgument("freedive: the sizes of the arrays given to large_pages do not agree");
  enlarge(same->typed_data());
  *same->typed_data() = *number.typed_data();
  return ffi::Error::Success();
}

}  // namespace
}  // namespace freedive

XLA_FFI_DEFINE_HANDLER_SYMBOL(freedive_large_pages, freedive::large_pages,
                              ffi::Ffi::Bind().Arg<ffi::Buffer<ffi::S32>>().Ret<ffi::Buffer<ffi::S32>>());
