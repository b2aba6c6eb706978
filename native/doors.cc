// The doors of the library: XLA calls them with the buffers of a compiled program (its foreign function interface).

#include "parallel.h"

namespace freedive {
namespace {

constexpr long kRows = 4;    // of a batch, worth a processor
constexpr long kLeast = 16;  // of a dense layer's rows
constexpr long kFew = 4;     // rows for which a kernel is not packed

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
  Memory panels(loops().panels_size(l.units, 4 * l.units));
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
  Memory panels(loops().panels_size(4 * l.units, l.units));
  loops().pack(l.kernel, 4 * l.units, l.units, 1, 4 * l.units, panels.data());
  l.panels = panels.data();
  in_parallel(pool, l.batch, parts_of(pool, l.batch, kRows),
              [&l](long, long first, long last) { loops().lstm_backward(l, first, last); });
  return ffi::Error::Success();
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
  if (d.rows <= kFew) {
    d.panels = kernel.typed_data();
    loops().dense_few(d);
    return ffi::Error::Success();
  }
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

ffi::Error sums(ffi::ThreadPool pool, Array d, Array x, Array shift, Result found) {
  const long width = shift.element_count(), rows = x.dimensions()[0];
  const Sums s = {rows, width, d.element_count() ? d.typed_data() : nullptr, x.typed_data(), shift.typed_data()};
  return summed(pool, rows, kLeast, 2 * width, found->typed_data(),
                [&](long first, long last, float* into) { loops().sums(s, first, last, into); });
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

XLA_FFI_DEFINE_HANDLER_SYMBOL(freedive_sums, freedive::sums,
                              ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().Arg<Array>().Arg<Array>().Arg<Array>().Ret<Array>());

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

// Which sources the library was built from: Python compares it with those that are there.
extern "C" const char* freedive_sources() { return SOURCES; }
