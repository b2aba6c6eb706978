// The loops of a simple recurrence over time, for some rows of a batch: h' = f(x W + h U) with f tanh or relu. Its
// gradient needs nothing but the outputs. Rows do not meet, so every processor runs the whole sequence of its own.
//
// Compiled once for each set of instructions (-DLOOPS=..., -DWIDTH=floats in a register).

#include "loops.h"

#include <cstring>

#include "products.h"

#include "functions.h"
#include "rows.h"

namespace freedive {
namespace {

template <bool relu>
void forward_loop(const Recurrence& l, long first_row, long last_row) {
  const long rows = last_row - first_row, units = l.units, wide = filled(units);
  Memory z(rows * wide), kept;
  const float* h = l.h_first + first_row * units;
  for (long step = 0; step < l.time; ++step) {
    const long place = (l.reverse ? l.time - 1 - step : step) * l.batch + first_row;
    const float* given = l.keep ? times(h, l.keep + first_row * units, rows * units, kept) : h;
    product({given, units, 1}, l.panels, rows, units, units, z.data(), wide);
    for (long row = 0; row < rows; ++row) {
      float* to = l.outputs + (place + row) * units;
      if (l.mask && !l.mask[place + row]) {
        std::memcpy(to, h + row * units, units * sizeof(float));
        continue;
      }
      for (long u = 0; u < units; u += kWidth) {
        const long n = units - u;
        const Floats sum = load(l.projected + (place + row) * units + u, n) + load(z.data() + row * wide + u);
        store(to + u, relu ? positive(sum) : tanh_of(sum), n);
      }
    }
    h = l.outputs + place * units;
  }
}

template <bool relu>
void backward_loop(const Recurrence& l, long first_row, long last_row) {
  const long rows = last_row - first_row, units = l.units, wide = filled(units);
  Memory by_h(rows * wide), found(rows * wide);
  std::fill(by_h.begin(), by_h.end(), 0.0f);
  for (long step = 0; step < l.time; ++step) {
    const long place = (l.reverse ? step : l.time - 1 - step) * l.batch + first_row;
    for (long row = 0; row < rows; ++row) {
      const bool counts = !l.mask || l.mask[place + row];
      for (long u = 0; u < units; u += kWidth) {
        const long n = units - u, at = (place + row) * units + u;
        const Floats by = load(by_h.data() + row * wide + u) + load(l.by_outputs + at, n), h = load(l.outputs + at, n);
        const Floats slope = relu ? where(h, all(1.0f)) : 1.0f - h * h;
        store(l.by_projected + at, counts ? by * slope : Floats{}, n);
        store(by_h.data() + row * wide + u, counts ? Floats{} : by);
      }
    }
    product({l.by_projected + place * units, units, 1}, l.panels, rows, units, units, found.data(), wide);
    for (long row = 0; row < rows; ++row)
      for (long u = 0; u < units; u += kWidth) {
        float* by = by_h.data() + row * wide + u;
        const Floats keep = l.keep ? load(l.keep + (first_row + row) * units + u, units - u) : all(1.0f);
        store(by, load(by) + load(found.data() + row * wide + u) * keep);
      }
  }
  for (long row = 0; row < rows; ++row)
    std::memcpy(l.by_h_first + (first_row + row) * units, by_h.data() + row * wide, units * sizeof(float));
}

}  // namespace

namespace LOOPS {

void simple_forward(const Recurrence& l, long first_row, long last_row) {
  (l.relu ? forward_loop<true> : forward_loop<false>)(l, first_row, last_row);
}
void simple_backward(const Recurrence& l, long first_row, long last_row) {
  (l.relu ? backward_loop<true> : backward_loop<false>)(l, first_row, last_row);
}

}  // namespace LOOPS
}  // namespace freedive
