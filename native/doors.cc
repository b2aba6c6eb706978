// The doors of the library: XLA calls them with the buffers of a compiled program (its foreign function interface).

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "lstm.h"
#include "xla/ffi/api/ffi.h"

namespace ffi = xla::ffi;
using Array = ffi::Buffer<ffi::F32>;
using Result = ffi::ResultBuffer<ffi::F32>;
using Mask = ffi::Buffer<ffi::PRED>;

namespace freedive {
namespace {

const Loops& loops() {
#if defined(__x86_64__)
  static const Loops& best = __builtin_cpu_supports("avx512f")                                    ? loops_avx512
                             : __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? loops_avx2
                                                                                                : loops_base;
#else
  static const Loops& best = loops_base;
#endif
  return best;
}

// Parts are taken one by one by whoever has time; the caller too, so that a busy pool delays nothing.
struct Shared {
  std::atomic<long> next{0};
  long done = 0;
  std::mutex mutex;
  std::condition_variable finished;
};

template <typename Part>
void in_parallel(ffi::ThreadPool pool, long rows, Part part) {
  constexpr long kLeast = 4;  // rows worth a processor
  const long count = std::max(1L, std::min<long>(pool.num_threads(), rows / kLeast));
  auto shared = std::make_shared<Shared>();
  auto work = [shared, count, rows, part] {
    for (long i; (i = shared->next++) < count;) {
      part(rows * i / count, rows * (i + 1) / count);
      std::lock_guard<std::mutex> lock(shared->mutex);
      if (++shared->done == count) shared->finished.notify_all();
    }
  };
  for (long i = 1; i < count; ++i) pool.Schedule(decltype(work)(work));
  work();
  std::unique_lock<std::mutex> lock(shared->mutex);
  shared->finished.wait(lock, [&] { return shared->done == count; });
}

Lstm described(const Array& kernel, const Mask& mask, const Array& keep, bool reverse) {
  Lstm l = {};
  l.kernel = kernel.typed_data();
  l.units = kernel.dimensions()[0];
  l.mask = mask.element_count() ? mask.typed_data() : nullptr;
  l.keep = keep.element_count() ? keep.typed_data() : nullptr;
  l.reverse = reverse;
  return l;
}

ffi::Error forward(ffi::ThreadPool pool, Array projected, Array kernel, Array h, Array c, Mask mask, Array keep,
                   Result outputs, Result c_last, Result gates, Result cells, bool reverse) {
  Lstm l = described(kernel, mask, keep, reverse);
  l.time = projected.dimensions()[0], l.batch = projected.dimensions()[1];
  l.projected = projected.typed_data(), l.h_first = h.typed_data(), l.c_first = c.typed_data();
  l.outputs = outputs->typed_data(), l.c_last = c_last->typed_data();
  l.gates = gates->element_count() ? gates->typed_data() : nullptr;
  l.cells = cells->element_count() ? cells->typed_data() : nullptr;
  std::vector<float> panels(loops().panels_size(l.units, 4 * l.units));
  loops().pack(l.kernel, l.units, 4 * l.units, false, panels.data());
  l.panels = panels.data();
  in_parallel(pool, l.batch, [&l](long first, long last) { loops().forward(l, first, last); });
  return ffi::Error::Success();
}

ffi::Error backward(ffi::ThreadPool pool, Array by_outputs, Array by_c, Array kernel, Array c, Array gates, Array cells,
                    Mask mask, Array keep, Result by_projected, Result by_h_first, Result by_c_first, bool reverse) {
  Lstm l = described(kernel, mask, keep, reverse);
  l.time = by_outputs.dimensions()[0], l.batch = by_outputs.dimensions()[1];
  l.c_first = c.typed_data(), l.gates = const_cast<float*>(gates.typed_data());
  l.cells = const_cast<float*>(cells.typed_data());
  l.by_outputs = by_outputs.typed_data(), l.by_c_last = by_c.typed_data();
  l.by_projected = by_projected->typed_data();
  l.by_h_first = by_h_first->typed_data(), l.by_c_first = by_c_first->typed_data();
  std::vector<float> panels(loops().panels_size(4 * l.units, l.units));
  loops().pack(l.kernel, 4 * l.units, l.units, true, panels.data());
  l.panels = panels.data();
  in_parallel(pool, l.batch, [&l](long first, long last) { loops().backward(l, first, last); });
  return ffi::Error::Success();
}

}  // namespace
}  // namespace freedive

XLA_FFI_DEFINE_HANDLER_SYMBOL(freedive_lstm_forward, freedive::forward,
                              ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().Arg<Array>().Arg<Array>().Arg<Array>().Arg<Array>()
                                  .Arg<Mask>().Arg<Array>().Ret<Array>().Ret<Array>().Ret<Array>().Ret<Array>()
                                  .Attr<bool>("reverse"));

XLA_FFI_DEFINE_HANDLER_SYMBOL(freedive_lstm_backward, freedive::backward,
                              ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().Arg<Array>().Arg<Array>().Arg<Array>().Arg<Array>()
                                  .Arg<Array>().Arg<Array>().Arg<Mask>().Arg<Array>()
                                  .Ret<Array>().Ret<Array>().Ret<Array>().Attr<bool>("reverse"));
