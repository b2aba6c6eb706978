// The loops of an LSTM over time, for some rows of a batch: z = x W + b + h U with gates i, f, g, o;
// c' = f c + i g, h' = o tanh(c'). Rows do not meet, so every processor runs the whole sequence of its own. x W may have
// been done before; done here it is never written.
//
// Compiled once for each set of instructions (-DLOOPS=..., -DWIDTH=floats in a register).

#include "loops.h"

#include <cstring>
#include <vector>

#include "products.h"

#include "functions.h"
#include "rows.h"

namespace freedive {
namespace {

// forward ---------------------------------------------------------------------------------------------------------
constexpr long kGates = 4;
constexpr long kTogether = WIDTH == 16 ? 6 : 3;  // rows whose four gates, of a register of units, stay in registers

// The kernels (features + units, 4 units), row after row for each register of units, its four gates side by side.
Memory kernels_of(const Recurrence& l) {
  const long depth = l.features + l.units, wide = kGates * l.units;
  Memory panels((l.units + kWidth - 1) / kWidth * kWidth * kGates * depth);
  float* to = panels.data();
  for (long u = 0; u < l.units; u += kWidth)
    for (long k = 0; k < depth; ++k) {
      const float* from = k < l.features ? l.input_kernel + k * wide : l.kernel + (k - l.features) * wide;
      for (long gate = 0; gate < kGates; ++gate, to += kWidth) store(to, load(from + gate * l.units + u, l.units - u));
    }
  return panels;
}

// Of one step: where its first row stands among those of all steps, and the states before it.
struct Step {
  const Recurrence& l;
  long place;
  const float *h, *given;  // what was put out, and what is multiplied
  float* c;                // becomes the new one
};

// Some rows, a register of units: products, gates and cells, none of which leaves the registers before it is done.
template <long rows>
__attribute__((noinline)) void advance(const Step& s, const float* panel, long row, long u) {
  const Recurrence& l = s.l;
  const long units = l.units, n = units - u, place = s.place + row;
  Floats z[rows][kGates];
#pragma GCC unroll 8
  for (long i = 0; i < rows; ++i)
    for (long gate = 0; gate < kGates; ++gate) {
      z[i][gate] = l.bias ? load(l.bias + gate * units + u, n) : Floats{};
      if (l.projected) z[i][gate] += load(l.projected + ((place + i) * kGates + gate) * units + u, n);
    }
  const auto add = [&](const float* from, long depth) {
    for (long k = 0; k < depth; ++k, ++from, panel += kGates * kWidth) {
      Floats kernel[kGates];
      for (long gate = 0; gate < kGates; ++gate) kernel[gate] = load(panel + gate * kWidth);
#pragma GCC unroll 8
      for (long i = 0; i < rows; ++i) {
        const float value = from[i * depth];
        for (long gate = 0; gate < kGates; ++gate) z[i][gate] += value * kernel[gate];
      }
    }
  };
  add(l.x + place * l.features, l.features);
  add(s.given + row * units, units);
#pragma GCC unroll 8
  for (long i = 0; i < rows; ++i) {
    const long at = (place + i) * units + u, state = (row + i) * units + u;
    const Floats in = sigmoid(z[i][0]), f = sigmoid(z[i][1]), g = tanh_of(z[i][2]), o = sigmoid(z[i][3]);
    Floats cell = f * load(s.c + state, n) + in * g, h = o * tanh_of(cell);
    if (l.mask && !l.mask[place + i]) cell = load(s.c + state, n), h = load(s.h + state, n);
    store(s.c + state, cell, n), store(l.outputs + at, h, n);
    if (l.cells) store(l.cells + at, cell, n);
    if (!l.opened) continue;
    float* gates = l.opened + (place + i) * kGates * units + u;
    store(gates, in, n), store(gates + units, f, n), store(gates + 2 * units, g, n), store(gates + 3 * units, o, n);
  }
}

// No more rows than stay in registers: compiled for each number of them.
template <long most = kTogether>
inline void advance_some(const Step& s, const float* panel, long row, long rows, long u) {
  if (rows == most) return advance<most>(s, panel, row, u);
  if constexpr (most > 1) advance_some<most - 1>(s, panel, row, rows, u);
}

void lstm_forward_loop(const Recurrence& l, long first_row, long last_row) {
  const long rows = last_row - first_row, units = l.units, parts = (rows + kTogether - 1) / kTogether;
  const Memory panels = kernels_of(l);
  Memory kept;
  const float* h = l.h_first + first_row * units;
  float* c = l.c_last + first_row * units;
  std::memcpy(c, l.c_first + first_row * units, rows * units * sizeof(float));
  for (long step = 0; step < l.time; ++step) {
    const long place = (l.reverse ? l.time - 1 - step : step) * l.batch + first_row;
    const float* given = l.keep ? times(h, l.keep + first_row * units, rows * units, kept) : h;
    const float* panel = panels.data();
    for (long u = 0; u < units; u += kWidth, panel += kGates * kWidth * (l.features + units))
      for (long part = 0; part < parts; ++part) {
        const long row = rows * part / parts;
        advance_some({l, place, h, given, c}, panel, row, rows * (part + 1) / parts - row, u);
      }
    h = l.outputs + place * units;
  }
}

// back ------------------------------------------------------------------------------------------------------------
void lstm_backward_loop(const Recurrence& l, long first_row, long last_row, float* by_bias) {
  const long rows = last_row - first_row, units = l.units, wide = filled(units);
  std::vector<float> by_h(rows * units), by_c(rows * units), found(rows * wide);
  std::memcpy(by_c.data(), l.by_c_last + first_row * units, rows * units * sizeof(float));
  for (long step = 0; step < l.time; ++step) {
    const long t = l.reverse ? step : l.time - 1 - step, before = l.reverse ? t + 1 : t - 1;
    const bool is_first = step == l.time - 1;
    for (long row = 0; row < rows; ++row) {
      const long place = t * l.batch + first_row + row;
      float *by_h_row = by_h.data() + row * units, *by_c_row = by_c.data() + row * units;
      float* by_z = l.by_projected + place * 4 * units;
      const float* by_output = l.by_outputs + place * units;
      if (l.mask && !l.mask[place]) {
        std::memset(by_z, 0, 4 * units * sizeof(float));
        for (long u = 0; u < units; ++u) by_h_row[u] += by_output[u];
        continue;
      }
      const float *gates = l.opened + place * 4 * units, *cells = l.cells + place * units;
      const float* cells_before =
          is_first ? l.c_first + (first_row + row) * units : l.cells + (before * l.batch + first_row + row) * units;
      for (long u = 0; u < units; u += kWidth) {
        const long n = units - u;
        const Floats i = load(gates + u, n), f = load(gates + units + u, n), g = load(gates + 2 * units + u, n),
                     o = load(gates + 3 * units + u, n), shown = tanh_of(load(cells + u, n));
        const Floats by_output_u = load(by_h_row + u, n) + load(by_output + u, n);
        const Floats by_cell = load(by_c_row + u, n) + by_output_u * o * (1.0f - shown * shown);
        store(by_z + u, by_cell * g * i * (1.0f - i), n);
        store(by_z + units + u, by_cell * load(cells_before + u, n) * f * (1.0f - f), n);
        store(by_z + 2 * units + u, by_cell * i * (1.0f - g * g), n);
        store(by_z + 3 * units + u, by_output_u * shown * o * (1.0f - o), n);
        store(by_c_row + u, by_cell * f, n);
        store(by_h_row + u, Floats{}, n);
      }
      add_rows(by_z, 0, 1, 4 * units, by_bias);
    }
    product({l.by_projected + (t * l.batch + first_row) * 4 * units, 4 * units, 1}, l.panels, rows, 4 * units, units,
            found.data(), wide);
    for (long row = 0; row < rows; ++row) {
      const float* keep = l.keep ? l.keep + (first_row + row) * units : nullptr;
      for (long u = 0; u < units; ++u)
        by_h[row * units + u] += found[row * wide + u] * (keep ? keep[u] : 1.0f);
    }
  }
  std::memcpy(l.by_h_first + first_row * units, by_h.data(), rows * units * sizeof(float));
  std::memcpy(l.by_c_first + first_row * units, by_c.data(), rows * units * sizeof(float));
}

}  // namespace

namespace LOOPS {

void lstm_forward(const Recurrence& l, long first_row, long last_row) { lstm_forward_loop(l, first_row, last_row); }
void lstm_backward(const Recurrence& l, long first_row, long last_row, float* by_bias) {
  lstm_backward_loop(l, first_row, last_row, by_bias);
}

}  // namespace LOOPS
}  // namespace freedive
