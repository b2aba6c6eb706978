// The doors to recurrences over time: an LSTM, and a simple one.

#include "parallel.h"

namespace freedive {
namespace {

constexpr long kActivation = 40;  // products that take as long as an activation
constexpr long kRows = 4;         // of a batch, worth a processor
constexpr long kGates = 4;        // of an LSTM

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

// Whether these tell all that a recurrence of so many gates goes through.
bool tell(const Array& sequence, const Array& kernel, const Mask& mask, const Array& keep, long gates) {
  if (!have_axes(3, sequence) || !have_axes(2, kernel)) return false;
  const long time = sequence.dimensions()[0], batch = sequence.dimensions()[1], units = kernel.dimensions()[0];
  return has(kernel, {units, gates * units}) && has_or_none(mask, {time, batch}) && has_or_none(keep, {batch, units});
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
  if (!tell(x, kernel, mask, keep, kGates)) return unfit("lstm_forward");
  Recurrence l = described(x, kernel, mask, keep, reverse);
  const long wide = kGates * l.units;
  l.input_kernel = given(input_kernel);
  if (l.input_kernel) l.x = x.typed_data(), l.features = x.dimensions()[2];
  else l.projected = x.typed_data();
  if (!(has(x, {l.time, l.batch, l.input_kernel ? l.features : wide}) && has_or_none(input_kernel, {l.features, wide}) &&
        has_or_none(bias, {wide}) && has(h, {l.batch, l.units}) && has(c, {l.batch, l.units}) &&
        has(*outputs, {l.time, l.batch, l.units}) && has(*c_last, {l.batch, l.units}) &&
        has_or_none(*gates, {l.time, l.batch, wide}) && has_or_none(*cells, {l.time, l.batch, l.units})))
    return unfit("lstm_forward");
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
  if (!tell(by_outputs, kernel, mask, keep, kGates)) return unfit("lstm_backward");
  Recurrence l = described(by_outputs, kernel, mask, keep, reverse);
  const long wide = kGates * l.units;
  if (!(has(by_outputs, {l.time, l.batch, l.units}) && has(by_c, {l.batch, l.units}) && has(c, {l.batch, l.units}) &&
        has(gates, {l.time, l.batch, wide}) && has(cells, {l.time, l.batch, l.units}) &&
        has(*by_projected, {l.time, l.batch, wide}) && has(*by_bias, {wide}) && has(*by_h_first, {l.batch, l.units}) &&
        has(*by_c_first, {l.batch, l.units})))
    return unfit("lstm_backward");
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
  if (!tell(projected, kernel, mask, keep, 1)) return unfit("simple_forward");
  Recurrence l = described(projected, kernel, mask, keep, reverse);
  if (!(has(projected, {l.time, l.batch, l.units}) && has(h, {l.batch, l.units}) &&
        has(*outputs, {l.time, l.batch, l.units})))
    return unfit("simple_forward");
  l.projected = projected.typed_data(), l.h_first = h.typed_data(), l.outputs = outputs->typed_data(), l.relu = relu;
  const Memory panels = kernel_panels(l, false);
  l.panels = panels.data();
  over_time(pool, l, loops().simple_forward);
  return ffi::Error::Success();
}

ffi::Error simple_backward(ffi::ThreadPool pool, Array by_outputs, Array kernel, Array outputs, Mask mask, Array keep,
                           Result by_projected, Result by_h_first, bool reverse, bool relu) {
  if (!tell(by_outputs, kernel, mask, keep, 1)) return unfit("simple_backward");
  Recurrence l = described(by_outputs, kernel, mask, keep, reverse);
  if (!(has(by_outputs, {l.time, l.batch, l.units}) && has(outputs, {l.time, l.batch, l.units}) &&
        has(*by_projected, {l.time, l.batch, l.units}) && has(*by_h_first, {l.batch, l.units})))
    return unfit("simple_backward");
  l.by_outputs = by_outputs.typed_data(), l.outputs = const_cast<float*>(outputs.typed_data()), l.relu = relu;
  l.by_projected = by_projected->typed_data(), l.by_h_first = by_h_first->typed_data();
  const Memory panels = kernel_panels(l, true);
  l.panels = panels.data();
  over_time(pool, l, loops().simple_backward);
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
