// The doors of the library: XLA calls them with the buffers of a compiled program (its foreign function interface).

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "loops.h"
#include "xla/ffi/api/ffi.h"

namespace ffi = xla::ffi;
using Array = ffi::Buffer<ffi::F32>;
using Result = ffi::ResultBuffer<ffi::F32>;
using Mask = ffi::Buffer<ffi::PRED>;

namespace freedive {

using Geometry = ffi::Span<const int64_t>;  // strides, zeros before, dilations

namespace {

const Loops& loops() {
#if defined(__x86_64__)
  static const Loops& best = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") ? avx512::table
                             : __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")        ? avx2::table
                                                                                                      : base::table;
#else
  static const Loops& best = base::table;
#endif
  return best;
}

constexpr long kRows = 4;    // of a batch, worth a processor
constexpr long kLeast = 16;  // of a dense layer's rows

// Parts are taken one by one by whoever has time; the caller too, so that a busy pool delays nothing.
struct Shared {
  std::atomic<long> next{0};
  long done = 0;
  std::mutex mutex;
  std::condition_variable finished;
};

long parts_of(ffi::ThreadPool& pool, long rows, long least) {
  return std::max(1L, std::min<long>(pool.num_threads(), rows / least));
}

template <typename Part>
void in_parallel(ffi::ThreadPool& pool, long rows, long count, Part part) {
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

ffi::Error lstm_forward(ffi::ThreadPool pool, Array projected, Array bias, Array kernel, Array h, Array c, Mask mask,
                        Array keep, Result outputs, Result c_last, Result gates, Result cells, bool reverse) {
  Lstm l = described(kernel, mask, keep, reverse);
  l.time = projected.dimensions()[0], l.batch = projected.dimensions()[1];
  l.bias = bias.element_count() ? bias.typed_data() : nullptr;
  l.projected = projected.typed_data(), l.h_first = h.typed_data(), l.c_first = c.typed_data();
  l.outputs = outputs->typed_data(), l.c_last = c_last->typed_data();
  l.gates = gates->element_count() ? gates->typed_data() : nullptr;
  l.cells = cells->element_count() ? cells->typed_data() : nullptr;
  std::vector<float> panels(loops().panels_size(l.units, 4 * l.units));
  loops().pack(l.kernel, l.units, 4 * l.units, 4 * l.units, 1, panels.data());
  l.panels = panels.data();
  in_parallel(pool, l.batch, parts_of(pool, l.batch, kRows),
              [&l](long, long first, long last) { loops().lstm_forward(l, first, last); });
  return ffi::Error::Success();
}

ffi::Error lstm_backward(ffi::ThreadPool pool, Array by_outputs, Array by_c, Array kernel, Array c, Array gates,
                         Array cells, Mask mask, Array keep, Result by_projected, Result by_h_first,
                         Result by_c_first, bool reverse) {
  Lstm l = described(kernel, mask, keep, reverse);
  l.time = by_outputs.dimensions()[0], l.batch = by_outputs.dimensions()[1];
  l.c_first = c.typed_data(), l.gates = const_cast<float*>(gates.typed_data());
  l.cells = const_cast<float*>(cells.typed_data());
  l.by_outputs = by_outputs.typed_data(), l.by_c_last = by_c.typed_data();
  l.by_projected = by_projected->typed_data();
  l.by_h_first = by_h_first->typed_data(), l.by_c_first = by_c_first->typed_data();
  std::vector<float> panels(loops().panels_size(4 * l.units, l.units));
  loops().pack(l.kernel, 4 * l.units, l.units, 1, 4 * l.units, panels.data());
  l.panels = panels.data();
  in_parallel(pool, l.batch, parts_of(pool, l.batch, kRows),
              [&l](long, long first, long last) { loops().lstm_backward(l, first, last); });
  return ffi::Error::Success();
}

Convolution described(const ffi::AnyBuffer::Dimensions& x, const ffi::AnyBuffer::Dimensions& kernel,
                      const ffi::AnyBuffer::Dimensions& y, Geometry geometry) {
  Convolution c = {};
  c.pictures = x[0], c.channels = x[3], c.filters = y[3];
  for (int i = 0; i < 2; ++i) {
    c.size[i] = x[i + 1], c.places[i] = y[i + 1], c.taps[i] = kernel[i];
    c.stride[i] = geometry[i], c.before[i] = geometry[2 + i], c.dilation[i] = geometry[4 + i];
  }
  return c;
}

ffi::Error conv_of(ffi::ThreadPool& pool, Convolution c, const float* kernel) {
  std::vector<float> panels(loops().panels_size(c.depth(), c.filters));
  loops().pack(kernel, c.depth(), c.filters, c.filters, 1, panels.data());
  c.panels = panels.data();
  in_parallel(pool, c.pictures, parts_of(pool, c.pictures, 1),
              [&c](long, long first, long last) { loops().conv(c, first, last); });
  return ffi::Error::Success();
}

ffi::Error conv(ffi::ThreadPool pool, Array x, Array kernel, Result y, Geometry geometry) {
  Convolution c = described(x.dimensions(), kernel.dimensions(), y->dimensions(), geometry);
  c.x = x.typed_data(), c.found = y->typed_data();
  return conv_of(pool, c, kernel.typed_data());
}

// Where windows move by one place, x from y is a convolution too, by the kernel turned round; reading what a window sees
// is quicker than adding to it, if there are not many more places in x than in y.
bool goes_backwards(const Convolution& c) {
  return c.stride[0] == 1 && c.stride[1] == 1 && 8 * c.size[0] * c.size[1] <= 9 * c.places[0] * c.places[1];
}

Convolution turned_round(const Convolution& c) {
  Convolution t = c;
  t.x = c.y, t.channels = c.filters, t.filters = c.channels;
  for (int i = 0; i < 2; ++i) {
    t.size[i] = c.places[i], t.places[i] = c.size[i];
    t.before[i] = (c.taps[i] - 1) * c.dilation[i] - c.before[i];
  }
  return t;
}

std::vector<float> turned_kernel(const Convolution& c, const float* kernel) {
  const long taps = c.taps[0] * c.taps[1], each = c.channels * c.filters;
  std::vector<float> turned(taps * each);
  for (long t = 0; t < taps; ++t)
    for (long i = 0; i < c.channels; ++i)
      for (long o = 0; o < c.filters; ++o)
        turned[t * each + o * c.channels + i] = kernel[(taps - 1 - t) * each + i * c.filters + o];
  return turned;
}

ffi::Error conv_by_x(ffi::ThreadPool pool, Array y, Array kernel, Result x, Geometry geometry) {
  Convolution c = described(x->dimensions(), kernel.dimensions(), y.dimensions(), geometry);
  c.y = y.typed_data(), c.found = x->typed_data();
  if (goes_backwards(c)) return conv_of(pool, turned_round(c), turned_kernel(c, kernel.typed_data()).data());
  std::vector<float> panels(loops().panels_size(c.filters, c.depth()));
  loops().pack(kernel.typed_data(), c.filters, c.depth(), 1, c.filters, panels.data());
  c.panels = panels.data();
  in_parallel(pool, c.pictures, parts_of(pool, c.pictures, 1),
              [&c](long, long first, long last) { loops().conv_by_x(c, first, last); });
  return ffi::Error::Success();
}

constexpr long kSums = 1L << 24;  // floats: the kernels that processors add up for themselves take 64 MiB at most

// Every processor adds up a kernel of its own; their sum is taken in the order of the rows.
template <typename Part>
ffi::Error summed(ffi::ThreadPool& pool, long rows, long least, long floats, float* found, Part part_of) {
  const long parts = std::min(parts_of(pool, rows, least), std::max(1L, kSums / std::max(1L, floats)));
  std::vector<float> sums(floats * parts);
  in_parallel(pool, rows, parts,
              [&](long part, long first, long last) { part_of(first, last, sums.data() + part * floats); });
  for (long i = 0; i < floats; ++i) {
    found[i] = 0;
    for (long part = 0; part < parts; ++part) found[i] += sums[part * floats + i];
  }
  return ffi::Error::Success();
}

ffi::Error conv_by_kernel(ffi::ThreadPool pool, Array x, Array y, Result kernel, Geometry geometry) {
  Convolution c = described(x.dimensions(), kernel->dimensions(), y.dimensions(), geometry);
  c.x = x.typed_data(), c.y = y.typed_data();
  return summed(pool, c.pictures, 1, c.depth() * c.filters, kernel->typed_data(),
                [&c](long first, long last, float* found) { loops().conv_by_kernel(c, first, last, found); });
}

// Panels of a matrix, as `pack` makes them, by all processors.
std::vector<float> panels_of(ffi::ThreadPool& pool, const float* matrix, long depth, long width, long depth_stride,
                             long width_stride) {
  const long columns = loops().panels_size(1, 1), count = (width + columns - 1) / columns;
  std::vector<float> panels(loops().panels_size(depth, width));
  in_parallel(pool, count, parts_of(pool, count, 1), [&](long, long first, long last) {
    if (first < last)
      loops().pack(matrix + first * columns * width_stride, depth, std::min(last * columns, width) - first * columns,
                   depth_stride, width_stride, panels.data() + first * columns * depth);
  });
  return panels;
}

Dense described(const ffi::AnyBuffer::Dimensions& kernel, const Array& let, long rows) {
  Dense d = {};
  d.rows = rows, d.depth = kernel[0], d.width = kernel[1];
  d.let = let.element_count() ? let.typed_data() : nullptr;
  return d;
}

ffi::Error dense(ffi::ThreadPool pool, Array x, Array kernel, Array bias, Array let, Result y, bool relu) {
  Dense d = described(kernel.dimensions(), let, x.dimensions()[0]);
  d.x = x.typed_data(), d.found = y->typed_data(), d.relu = relu;
  d.bias = bias.element_count() ? bias.typed_data() : nullptr;
  const auto panels = panels_of(pool, kernel.typed_data(), d.depth, d.width, d.width, 1);
  d.panels = panels.data();
  in_parallel(pool, d.rows, parts_of(pool, d.rows, kLeast),
              [&d](long, long first, long last) { loops().dense(d, first, last); });
  return ffi::Error::Success();
}

ffi::Error dense_by_x(ffi::ThreadPool pool, Array y, Array kernel, Array let, Result x) {
  Dense d = described(kernel.dimensions(), let, y.dimensions()[0]);
  d.y = y.typed_data(), d.found = x->typed_data();
  const auto panels = panels_of(pool, kernel.typed_data(), d.width, d.depth, 1, d.width);
  d.panels = panels.data();
  in_parallel(pool, d.rows, parts_of(pool, d.rows, kLeast),
              [&d](long, long first, long last) { loops().dense_by_x(d, first, last); });
  return ffi::Error::Success();
}

ffi::Error dense_by_kernel(ffi::ThreadPool pool, Array x, Array y, Array let, Result kernel, bool ones) {
  Dense d = described(kernel->dimensions(), let, x.dimensions()[0]);
  d.depth = x.dimensions()[1], d.ones = ones, d.x = x.typed_data(), d.y = y.typed_data();
  return summed(pool, d.rows, kLeast, (d.depth + ones) * d.width, kernel->typed_data(),
                [&d](long first, long last, float* found) { loops().dense_by_kernel(d, first, last, found); });
}

Attention described(const Array& query, const Array& key, const Array& value, const Mask& mask, const Array& keep,
                    float scale) {
  const auto q = query.dimensions(), v = value.dimensions();
  Attention a = {};
  a.batch = q[0], a.time = q[1], a.heads = q[2], a.size = q[3], a.steps = v[1], a.width = v[3], a.scale = scale;
  a.query = query.typed_data(), a.key = key.typed_data(), a.value = value.typed_data();
  a.keep = keep.element_count() ? keep.typed_data() : nullptr;
  a.mask = mask.element_count() ? mask.typed_data() : nullptr;
  if (a.mask) {  // an axis of one goes for all
    long step = 1;
    for (int axis = 3; axis >= 0; step *= mask.dimensions()[axis--])
      a.mask_step[axis] = mask.dimensions()[axis] == 1 ? 0 : step;
  }
  return a;
}

ffi::Error attention(ffi::ThreadPool pool, Array query, Array key, Array value, Mask mask, Array keep, Result y,
                     Result norm, float scale) {
  Attention a = described(query, key, value, mask, keep, scale);
  a.y = y->typed_data(), a.norm = norm->typed_data();
  in_parallel(pool, a.batch * a.heads, parts_of(pool, a.batch * a.heads, 1),
              [&a](long, long first, long last) { loops().attention(a, first, last); });
  return ffi::Error::Success();
}

ffi::Error attention_back(ffi::ThreadPool pool, Array query, Array key, Array value, Mask mask, Array keep, Array y,
                          Array norm, Array by_y, Result by_query, Result by_key, Result by_value, float scale) {
  Attention a = described(query, key, value, mask, keep, scale);
  a.y = const_cast<float*>(y.typed_data()), a.norm = const_cast<float*>(norm.typed_data());
  a.by_y = by_y.typed_data(), a.by_query = by_query->typed_data();
  a.by_key = by_key->typed_data(), a.by_value = by_value->typed_data();
  in_parallel(pool, a.batch * a.heads, parts_of(pool, a.batch * a.heads, 1),
              [&a](long, long first, long last) { loops().attention_back(a, first, last); });
  return ffi::Error::Success();
}

}  // namespace
}  // namespace freedive

XLA_FFI_DEFINE_HANDLER_SYMBOL(freedive_lstm_forward, freedive::lstm_forward,
                              ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().Arg<Array>().Arg<Array>().Arg<Array>().Arg<Array>().Arg<Array>()
                                  .Arg<Mask>().Arg<Array>().Ret<Array>().Ret<Array>().Ret<Array>().Ret<Array>()
                                  .Attr<bool>("reverse"));

XLA_FFI_DEFINE_HANDLER_SYMBOL(freedive_lstm_backward, freedive::lstm_backward,
                              ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().Arg<Array>().Arg<Array>().Arg<Array>().Arg<Array>()
                                  .Arg<Array>().Arg<Array>().Arg<Mask>().Arg<Array>()
                                  .Ret<Array>().Ret<Array>().Ret<Array>().Attr<bool>("reverse"));

#define CONVOLUTION(door, function)                                                                          \
  XLA_FFI_DEFINE_HANDLER_SYMBOL(door, freedive::function,                                                    \
                                ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().Arg<Array>().Arg<Array>().Ret<Array>() \
                                    .Attr<freedive::Geometry>("geometry"))

CONVOLUTION(freedive_conv, conv);
CONVOLUTION(freedive_conv_by_x, conv_by_x);
CONVOLUTION(freedive_conv_by_kernel, conv_by_kernel);

XLA_FFI_DEFINE_HANDLER_SYMBOL(freedive_attention, freedive::attention,
                              ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().Arg<Array>().Arg<Array>().Arg<Array>().Arg<Mask>()
                                  .Arg<Array>().Ret<Array>().Ret<Array>().Attr<float>("scale"));

XLA_FFI_DEFINE_HANDLER_SYMBOL(freedive_attention_back, freedive::attention_back,
                              ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().Arg<Array>().Arg<Array>().Arg<Array>().Arg<Mask>()
                                  .Arg<Array>().Arg<Array>().Arg<Array>().Arg<Array>()
                                  .Ret<Array>().Ret<Array>().Ret<Array>().Attr<float>("scale"));

XLA_FFI_DEFINE_HANDLER_SYMBOL(freedive_dense, freedive::dense,
                              ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().Arg<Array>().Arg<Array>().Arg<Array>().Arg<Array>()
                                  .Ret<Array>().Attr<bool>("relu"));

XLA_FFI_DEFINE_HANDLER_SYMBOL(freedive_dense_by_x, freedive::dense_by_x,
                              ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().Arg<Array>().Arg<Array>().Arg<Array>().Ret<Array>());

XLA_FFI_DEFINE_HANDLER_SYMBOL(freedive_dense_by_kernel, freedive::dense_by_kernel,
                              ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().Arg<Array>().Arg<Array>().Arg<Array>().Ret<Array>()
                                  .Attr<bool>("ones"));
