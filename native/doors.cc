// The doors of the library: XLA calls them with the buffers of a compiled program (its foreign function interface).

#include "parallel.h"

namespace freedive {
namespace {

constexpr long kWork = 1L << 21;  // products of two numbers, worth a processor: it takes 25 to 50 us to begin
constexpr long kActivation = 40;  // products that take as long as an activation
constexpr long kRows = 4;    // of a batch, worth a processor
constexpr long kLeast = 16;  // of a dense layer's rows
constexpr long kBlock = 14;  // rows of registers
constexpr long kTurns = 4;   // parts for each processor, at most: whoever has time takes the next one
constexpr long kPanels = 8, kHigh = 256;  // of a product, or rows, worth a part of their own
constexpr long kFew = 4;     // rows for which a kernel is read once

const float* given(const Array& array) { return array.element_count() ? array.typed_data() : nullptr; }

// A recurrence over `sequence` (time, batch, ...) with a kernel (units, gates * units).
Recurrence described(const Array& sequence, const Array& kernel, const Mask& mask, const Array& keep, bool reverse) {
  Recurrence l = {};
  l.time = sequence.dimensions()[0], l.batch = sequence.dimensions()[1];
  l.units = kernel.dimensions()[0], l.gates = kernel.dimensions()[1] / std::max(1L, l.units);
  l.kernel = kernel.typed_data();
  l.mask = mask.element_count() ? mask.typed_data() : nullptr;
  l.keep = given(keep), l.reverse = reverse;
  return l;
}

// Rows that are worth a processor, which runs the whole sequence for rows of its own.
long rows_for_one(const Recurrence& l) {
  const long depth = l.features + l.units + kActivation;
  return std::max(kRows, kWork / std::max(1L, l.time * l.gates * l.units * depth));
}

void over_time(ffi::ThreadPool& pool, const Recurrence& l, void (*loop)(const Recurrence&, long, long)) {
  in_parallel(pool, l.batch, parts_of(pool, l.batch, rows_for_one(l)),
              [&l, loop](long, long first, long last) { loop(l, first, last); });
}

// The kernel in panels; its transpose for the way back.
Memory kernel_panels(const Recurrence& l, bool back) {
  const long wide = l.gates * l.units;
  Memory panels(back ? loops().panels_size(wide, l.units) : loops().panels_size(l.units, wide));
  if (back) loops().pack(l.kernel, wide, l.units, 1, wide, panels.data());
  else loops().pack(l.kernel, l.units, wide, wide, 1, panels.data());
  return panels;
}

ffi::Error lstm_forward(ffi::ThreadPool pool, Array x, Array input_kernel, Array bias, Array kernel, Array h, Array c,
                        Mask mask, Array keep, Result outputs, Result c_last, Result gates, Result cells, bool reverse) {
  Recurrence l = described(x, kernel, mask, keep, reverse);
  l.input_kernel = given(input_kernel);
  if (l.input_kernel) l.x = x.typed_data(), l.features = x.dimensions()[2];
  else l.projected = x.typed_data();
  l.bias = given(bias), l.h_first = h.typed_data(), l.c_first = c.typed_data();
  l.outputs = outputs->typed_data(), l.c_last = c_last->typed_data();
  l.opened = gates->element_count() ? gates->typed_data() : nullptr;
  l.cells = cells->element_count() ? cells->typed_data() : nullptr;
  over_time(pool, l, loops().lstm_forward);
  return ffi::Error::Success();
}

ffi::Error lstm_backward(ffi::ThreadPool pool, Array by_outputs, Array by_c, Array kernel, Array c, Array gates,
                         Array cells, Mask mask, Array keep, Result by_projected, Result by_bias, Result by_h_first,
                         Result by_c_first, bool reverse) {
  Recurrence l = described(by_outputs, kernel, mask, keep, reverse);
  l.c_first = c.typed_data(), l.opened = const_cast<float*>(gates.typed_data());
  l.cells = const_cast<float*>(cells.typed_data());
  l.by_outputs = by_outputs.typed_data(), l.by_c_last = by_c.typed_data();
  l.by_projected = by_projected->typed_data();
  l.by_h_first = by_h_first->typed_data(), l.by_c_first = by_c_first->typed_data();
  const Memory panels = kernel_panels(l, true);
  l.panels = panels.data();
  return summed(pool, l.batch, rows_for_one(l), l.gates * l.units, by_bias->typed_data(),
                [&l](long, long first, long last, float* found) { loops().lstm_backward(l, first, last, found); });
}

ffi::Error simple_forward(ffi::ThreadPool pool, Array projected, Array kernel, Array h, Mask mask, Array keep,
                          Result outputs, bool reverse, bool relu) {
  Recurrence l = described(projected, kernel, mask, keep, reverse);
  l.projected = projected.typed_data(), l.h_first = h.typed_data(), l.outputs = outputs->typed_data(), l.relu = relu;
  const Memory panels = kernel_panels(l, false);
  l.panels = panels.data();
  over_time(pool, l, loops().simple_forward);
  return ffi::Error::Success();
}

ffi::Error simple_backward(ffi::ThreadPool pool, Array by_outputs, Array kernel, Array outputs, Mask mask, Array keep,
                           Result by_projected, Result by_h_first, bool reverse, bool relu) {
  Recurrence l = described(by_outputs, kernel, mask, keep, reverse);
  l.by_outputs = by_outputs.typed_data(), l.outputs = const_cast<float*>(outputs.typed_data()), l.relu = relu;
  l.by_projected = by_projected->typed_data(), l.by_h_first = by_h_first->typed_data();
  const Memory panels = kernel_panels(l, true);
  l.panels = panels.data();
  over_time(pool, l, loops().simple_backward);
  return ffi::Error::Success();
}

// A product by as many processors as it is worth: each takes some rows or some columns, and then the next ones.
void shared_product(ffi::ThreadPool& pool, const Product& p) {
  const long panel = loops().panels_size(1, 1), panels = (p.width + panel - 1) / panel;
  const long processors = parts_of(pool, p.rows * p.depth * p.width, kWork);
  const bool by_columns = panels >= processors && p.rows < kBlock * panels;
  const long all = by_columns ? panels : p.rows, least = by_columns ? kPanels : kHigh;
  const long most = processors == 1 ? 1 : std::max(processors, all / least / processors * processors);
  in_parallel(pool, all, std::min({most, kTurns * processors, std::max(1L, by_columns ? all : all / kLeast)}),
              [&](long, long first, long last) {
                loops().dense(by_columns ? p.of_columns(first * panel, std::min(p.width, last * panel))
                                         : p.of_rows(first, last));
              });
}

ffi::Error dense(ffi::ThreadPool pool, Array x, Array kernel, Array bias, Array let, Result y, bool relu) {
  const auto sizes = kernel.dimensions();
  Product p = {x.dimensions()[0], sizes[0], sizes[1], {x.typed_data(), sizes[0], 1},
               {kernel.typed_data(), sizes[1], 1}, y->typed_data(), sizes[1]};
  p.bias = given(bias), p.relu = relu, p.let = given(let);
  if (p.rows <= kFew) loops().dense_few(p);
  else shared_product(pool, p);
  return ffi::Error::Success();
}

ffi::Error dense_by_x(ffi::ThreadPool pool, Array y, Array kernel, Array let, Result x) {
  const auto sizes = kernel.dimensions();
  shared_product(pool, {y.dimensions()[0], sizes[1], sizes[0], {y.typed_data(), sizes[1], 1, given(let)},
                        {kernel.typed_data(), 1, sizes[1]}, x->typed_data(), sizes[0]});
  return ffi::Error::Success();
}

ffi::Error dense_by_kernel(ffi::ThreadPool pool, Array x, Array y, Array let, Result kernel, Result bias, bool ones) {
  const long rows = x.dimensions()[0], depth = x.dimensions()[1], width = y.dimensions()[1];
  Product p = {depth, rows, width, {x.typed_data(), 1, depth}, {y.typed_data(), width, 1, given(let)},
               kernel->typed_data(), width};
  if (ones) p.sums = bias->typed_data();
  if (rows <= 2 * std::max(depth, width)) return shared_product(pool, p), ffi::Error::Success();
  Memory sums(pool.num_threads() * width);  // every processor's
  if (ones) std::fill(sums.begin(), sums.end(), 0.0f);
  const auto part_of = [&](long number, long first, long last, float* found) {
    Product part = p;
    part.depth = last - first, part.left = p.left.from(0, first), part.right = p.right.from(first, 0);
    part.found = found, part.sums = ones ? sums.data() + number * width : nullptr;
    loops().dense(part);
  };
  const long least = std::max(kLeast, kWork / std::max(1L, depth * width));
  const auto done = summed(pool, rows, least, depth * width, p.found, part_of);
  for (long i = 0; ones && i < width; ++i) {
    p.sums[i] = 0.0f;
    for (long number = 0; number < pool.num_threads(); ++number) p.sums[i] += sums[number * width + i];
  }
  return done;
}

ffi::Error sums(ffi::ThreadPool pool, Array d, Array x, Array shift, Result found) {
  const long width = shift.element_count(), rows = x.dimensions()[0];
  const Sums s = {rows, width, given(d), x.typed_data(), shift.typed_data()};
  return summed(pool, rows, kLeast, 2 * width, found->typed_data(),
                [&](long, long first, long last, float* into) { loops().sums(s, first, last, into); });
}

constexpr long kNumbers = 1L << 15;  // of rows, worth a processor

ffi::Error over_rows(ffi::ThreadPool& pool, const Array& x, const Classes& c, void (*loop)(const Classes&, long, long)) {
  const long rows = x.element_count() / std::max(1L, c.width);
  in_parallel(pool, rows, parts_of(pool, rows, std::max(1L, kNumbers / c.width)),
              [&](long, long first, long last) { loop(c, first, last); });
  return ffi::Error::Success();
}

ffi::Error softmax(ffi::ThreadPool pool, Array x, Result y) {
  return over_rows(pool, x, {x.dimensions().back(), x.typed_data(), nullptr, y->typed_data(), nullptr},
                   loops().softmax);
}

ffi::Error softmax_back(ffi::ThreadPool pool, Array y, Array by_y, Result by_x) {
  return over_rows(pool, y, {y.dimensions().back(), by_y.typed_data(), y.typed_data(), by_x->typed_data(), nullptr},
                   loops().softmax_back);
}

ffi::Error class_sums(ffi::ThreadPool pool, Array x, Result sums) {
  return over_rows(pool, x, {x.dimensions().back(), x.typed_data(), nullptr, sums->typed_data(), nullptr},
                   loops().class_sums);
}

ffi::Error class_largest(ffi::ThreadPool pool, Array x, ffi::ResultBuffer<ffi::S32> places) {
  return over_rows(pool, x, {x.dimensions().back(), x.typed_data(), nullptr, nullptr, places->typed_data()},
                   loops().class_largest);
}

Normal described(const Array& x, const Array& factors, float epsilon, bool centred, Result& found) {
  return {x.dimensions().back(), epsilon, centred, x.typed_data(), factors.typed_data(), nullptr, found->typed_data()};
}

ffi::Error normal(ffi::ThreadPool pool, Array x, Array factors, Result y, float epsilon, bool centred) {
  const Normal n = described(x, factors, epsilon, centred, y);
  const long rows = x.element_count() / std::max(1L, n.width);
  in_parallel(pool, rows, parts_of(pool, rows, std::max(1L, kNumbers / n.width)),
              [&n](long, long first, long last) { loops().normal(n, first, last); });
  return ffi::Error::Success();
}

ffi::Error normal_back(ffi::ThreadPool pool, Array x, Array factors, Array by_y, Result by_x, Result by_factors,
                       float epsilon, bool centred) {
  Normal n = described(x, factors, epsilon, centred, by_x);
  n.by = by_y.typed_data();
  return summed(pool, x.element_count() / std::max(1L, n.width), std::max(1L, kNumbers / n.width), 2 * n.width,
                by_factors->typed_data(),
                [&n](long, long first, long last, float* found) { loops().normal_back(n, first, last, found); });
}

constexpr long kSteps = 1L << 17, kFewSteps = 1L << 14;  // weights, worth waking a processor, and one that is awake

// numbers (arrays, 5); for each array its gradient, itself and its two means; the last three anew.
ffi::Error adam(ffi::ThreadPool pool, Array numbers, ffi::RemainingArgs given, ffi::RemainingRets found) {
  const long count = numbers.dimensions()[0];
  std::vector<Adam> all(count);
  std::vector<long> ends(count);
  long total = 0;
  for (long i = 0; i < count; ++i) {
    std::memcpy(&all[i].numbers, numbers.typed_data() + 5 * i, sizeof all[i].numbers);
    const float** old[] = {&all[i].g, &all[i].p, &all[i].m, &all[i].v};
    float** made[] = {&all[i].new_p, &all[i].new_m, &all[i].new_v};
    for (long j = 0; j < 4; ++j) {
      const auto array = given.get<Array>(4 * i + j);
      if (!array.has_value()) return array.error();
      *old[j] = array->typed_data();
      if (j == 0) ends[i] = total += array->element_count();
    }
    for (long j = 0; j < 3; ++j) {
      auto array = found.get<Array>(3 * i + j);
      if (!array.has_value()) return array.error();
      *made[j] = (*array)->typed_data();
    }
  }
  const long parts = parts_of(pool, total, awake() ? kFewSteps : kSteps);
  in_parallel(pool, total, parts > 1 ? kTurns * parts : 1, [&](long, long first, long last) {
    for (long i = 0, begin = 0; i < count; begin = ends[i++])
      if (first < ends[i] && last > begin)
        loops().adam(all[i], std::max(first, begin) - begin, std::min(last, ends[i]) - begin);
  });
  return ffi::Error::Success();
}

Attention described(const Array& query, const Array& key, const Array& value, const Mask& mask, const Array& keep,
                    float scale) {
  const auto q = query.dimensions(), v = value.dimensions();
  Attention a = {};
  a.batch = q[0], a.time = q[1], a.heads = q[2], a.size = q[3], a.steps = v[1], a.width = v[3], a.scale = scale;
  a.query = query.typed_data(), a.key = key.typed_data(), a.value = value.typed_data();
  a.keep = given(keep);
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
                              ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().Arg<Array>().Arg<Array>().Arg<Array>().Arg<Array>()
                                  .Arg<Array>().Arg<Array>().Arg<Mask>().Arg<Array>()
                                  .Ret<Array>().Ret<Array>().Ret<Array>().Ret<Array>().Attr<bool>("reverse"));

XLA_FFI_DEFINE_HANDLER_SYMBOL(freedive_lstm_backward, freedive::lstm_backward,
                              ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().Arg<Array>().Arg<Array>().Arg<Array>().Arg<Array>()
                                  .Arg<Array>().Arg<Array>().Arg<Mask>().Arg<Array>()
                                  .Ret<Array>().Ret<Array>().Ret<Array>().Ret<Array>().Attr<bool>("reverse"));

XLA_FFI_DEFINE_HANDLER_SYMBOL(freedive_simple_forward, freedive::simple_forward,
                              ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().Arg<Array>().Arg<Array>().Arg<Array>().Arg<Mask>().Arg<Array>()
                                  .Ret<Array>().Attr<bool>("reverse").Attr<bool>("relu"));

XLA_FFI_DEFINE_HANDLER_SYMBOL(freedive_simple_backward, freedive::simple_backward,
                              ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().Arg<Array>().Arg<Array>().Arg<Array>().Arg<Mask>().Arg<Array>()
                                  .Ret<Array>().Ret<Array>().Attr<bool>("reverse").Attr<bool>("relu"));

XLA_FFI_DEFINE_HANDLER_SYMBOL(freedive_sums, freedive::sums,
                              ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().Arg<Array>().Arg<Array>().Arg<Array>().Ret<Array>());

XLA_FFI_DEFINE_HANDLER_SYMBOL(freedive_adam, freedive::adam,
                              ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().Arg<Array>().RemainingArgs().RemainingRets());

XLA_FFI_DEFINE_HANDLER_SYMBOL(freedive_softmax, freedive::softmax,
                              ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().Arg<Array>().Ret<Array>());

XLA_FFI_DEFINE_HANDLER_SYMBOL(freedive_softmax_back, freedive::softmax_back,
                              ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().Arg<Array>().Arg<Array>().Ret<Array>());

XLA_FFI_DEFINE_HANDLER_SYMBOL(freedive_class_sums, freedive::class_sums,
                              ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().Arg<Array>().Ret<Array>());

XLA_FFI_DEFINE_HANDLER_SYMBOL(freedive_class_largest, freedive::class_largest,
                              ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().Arg<Array>().Ret<ffi::Buffer<ffi::S32>>());

XLA_FFI_DEFINE_HANDLER_SYMBOL(freedive_normal, freedive::normal,
                              ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().Arg<Array>().Arg<Array>().Ret<Array>()
                                  .Attr<float>("epsilon").Attr<bool>("centred"));

XLA_FFI_DEFINE_HANDLER_SYMBOL(freedive_normal_back, freedive::normal_back,
                              ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().Arg<Array>().Arg<Array>().Arg<Array>()
                                  .Ret<Array>().Ret<Array>().Attr<float>("epsilon").Attr<bool>("centred"));

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
                                  .Ret<Array>().Attr<bool>("ones"));

// Which sources the library was built from: Python compares it with those that are there.
extern "C" const char* freedive_sources() { return SOURCES; }
