// What the doors of the library share: which instructions the processor has, work in parts for all processors, panels.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <string>

#include "loops.h"
#include "memory.h"
#include "xla/ffi/api/ffi.h"

namespace ffi = xla::ffi;
using Array = ffi::Buffer<ffi::F32>;
using Result = ffi::ResultBuffer<ffi::F32>;
using Mask = ffi::Buffer<ffi::PRED>;

namespace freedive {

// The loops for this processor, or for an older one if FREEDIVE_NATIVE names its set, which tests do.
inline const Loops& loops() {
#if defined(__x86_64__)
  static const Loops& best = [&]() -> const Loops& {
    const char* name = std::getenv("FREEDIVE_NATIVE");
    const auto wanted = [&](const char* set) { return !name || !std::strcmp(name, set) || !std::strcmp(name, "1"); };
    if (wanted("avx512") && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")) return avx512::table;
    if (wanted("avx2") && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return avx2::table;
    return base::table;
  }();
  return best;
#else
  return base::table;
#endif
}

// The loops are told sizes by some of their arrays, and go through all of them: a door sees that the others are as large.
template <typename Buffer>
bool has(const Buffer& array, std::initializer_list<long> sizes) {
  const auto found = array.dimensions();
  return found.size() == sizes.size() && std::equal(sizes.begin(), sizes.end(), found.begin());
}

template <typename Buffer>
bool has_or_none(const Buffer& array, std::initializer_list<long> sizes) {
  return !array.element_count() || has(array, sizes);
}

template <typename... Buffers>
bool have_axes(size_t count, const Buffers&... arrays) {
  return ((arrays.dimensions().size() == count) && ...);
}

template <typename Buffer>
bool same(const Buffer& array, const Buffer& other) {
  const auto found = array.dimensions(), expected = other.dimensions();
  return std::equal(found.begin(), found.end(), expected.begin(), expected.end());
}

inline ffi::Error unfit(const char* door) {
  return ffi::Error::InvalidArgument("freedive: the sizes of the arrays given to " + std::string(door) + " do not agree");
}

inline const float* given(const Array& array) { return array.element_count() ? array.typed_data() : nullptr; }

// Parts are taken one by one by whoever has time; the caller too, so that a busy pool delays nothing.
struct Shared {
  std::atomic<long> next{0};
  std::atomic<long> done{0};
  std::mutex mutex;
  std::condition_variable finished;
};

constexpr long kWork = 1L << 21;  // products of two numbers, worth a processor: it takes 25 to 50 us to begin
constexpr long kLooks = 1L << 15;  // at what others still do, some 10 us: sleeping and waking takes longer

inline long parts_of(ffi::ThreadPool& pool, long rows, long least) {
  return std::max(1L, std::min<long>(pool.num_threads(), rows / least));
}

// Who has just worked looks for more for some 25 us before it sleeps: until then nobody has to be woken.
using Clock = std::chrono::steady_clock;
constexpr auto kAwake = std::chrono::microseconds(25);
inline std::atomic<Clock::time_point> awake_until{};
inline bool awake() { return Clock::now() < awake_until.load(std::memory_order_relaxed); }

// Calls part(number, first row, last row) for each of so many parts of the rows.
template <typename Part>
void in_parallel(ffi::ThreadPool& pool, long rows, long count, Part part) {
  if (count == 1) return part(0, 0, rows);
  auto shared = std::make_shared<Shared>();
  auto work = [shared, count, rows, part] {
    for (long i; (i = shared->next++) < count;) {
      part(i, rows * i / count, rows * (i + 1) / count);
      std::lock_guard<std::mutex> lock(shared->mutex);
      if (++shared->done == count) shared->finished.notify_all();
    }
  };
  for (long i = 1; i < count; ++i) pool.Schedule(decltype(work)(work));
  work();
  for (long i = 0; i < kLooks && shared->done < count; ++i) {}
  std::unique_lock<std::mutex> lock(shared->mutex);
  shared->finished.wait(lock, [&] { return shared->done == count; });
  awake_until.store(Clock::now() + kAwake, std::memory_order_relaxed);
}

constexpr long kSums = 1L << 24;  // floats: what processors add up for themselves takes 64 MiB at most

// Every processor adds up an array of its own, the first in `found` itself; their sum is taken in the order of the rows.
template <typename Part>
ffi::Error summed(ffi::ThreadPool& pool, long rows, long least, long floats, float* found, Part part_of) {
  const long parts = std::min(parts_of(pool, rows, least), 1 + kSums / std::max(1L, floats));
  Memory others(floats * (parts - 1));
  in_parallel(pool, rows, parts, [&](long part, long first, long last) {
    float* own = part ? others.data() + (part - 1) * floats : found;
    std::memset(own, 0, floats * sizeof(float));
    part_of(part, first, last, own);
  });
  in_parallel(pool, floats, parts_of(pool, floats, 1L << 14), [&](long, long first, long last) {
    for (long part = 0; part + 1 < parts; ++part)
      for (long i = first; i < last; ++i) found[i] += others[part * floats + i];
  });
  return ffi::Error::Success();
}

// Panels of a matrix, as `pack` makes them, by all processors.
inline Memory panels_of(ffi::ThreadPool& pool, const float* matrix, long depth, long width, long depth_stride,
                        long width_stride) {
  const long columns = loops().panels_size(1, 1), count = (width + columns - 1) / columns;
  Memory panels(loops().panels_size(depth, width));
  in_parallel(pool, count, std::min(count, parts_of(pool, depth * width, 1L << 15)), [&](long, long first, long last) {
    if (first < last)
      loops().pack(matrix + first * columns * width_stride, depth, std::min(last * columns, width) - first * columns,
                   depth_stride, width_stride, panels.data() + first * columns * depth);
  });
  return panels;
}

}  // namespace freedive
