// The loops of an LSTM over time, for some rows of a batch: z = x W + b + h U with gates i, f, g, o;
// c' = f c + i g, h' = o tanh(c'). Rows do not meet, so every processor runs the whole sequence of its own.
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

// the loops -------------------------------------------------------------------------------------------------------
void lstm_forward_loop(const Recurrence& l, long first_row, long last_row) {
  const long rows = last_row - first_row, units = l.units, wide = filled(4 * units);
  std::vector<float> z(rows * wide), h(rows * units), c(rows * units), bias(4 * units);
  Memory kept;
  if (l.bias) std::memcpy(bias.data(), l.bias, 4 * units * sizeof(float));
  std::memcpy(h.data(), l.h_first + first_row * units, rows * units * sizeof(float));
  std::memcpy(c.data(), l.c_first + first_row * units, rows * units * sizeof(float));
  for (long step = 0; step < l.time; ++step) {
    const long t = l.reverse ? l.time - 1 - step : step;
    const float* given = l.keep ? times(h.data(), l.keep + first_row * units, rows * units, kept) : h.data();
    product({given, units, 1}, l.panels, rows, units, 4 * units, z.data(), wide);
    for (long row = 0; row < rows; ++row) {
      const long place = t * l.batch + first_row + row;
      const bool counts = !l.mask || l.mask[place];
      const float *projected = l.projected + place * 4 * units, *sums = z.data() + row * wide;
      float *h_row = h.data() + row * units, *c_row = c.data() + row * units;
      if (counts) {
        for (long u = 0; u < units; u += kWidth) {
          const long n = units - u;
          auto sum = [&](long gate) {
            const long at = gate * units + u;
            return load(projected + at, n) + load(bias.data() + at, n) + load(sums + at, n);
          };
          const Floats i = sigmoid(sum(0)), f = sigmoid(sum(1)), g = tanh_of(sum(2)), o = sigmoid(sum(3));
          const Floats cell = f * load(c_row + u, n) + i * g;
          store(c_row + u, cell, n);
          store(h_row + u, o * tanh_of(cell), n);
          if (l.opened) {
            float* gates = l.opened + place * 4 * units + u;
            store(gates, i, n), store(gates + units, f, n), store(gates + 2 * units, g, n);
            store(gates + 3 * units, o, n);
          }
        }
      }
      std::memcpy(l.outputs + place * units, h_row, units * sizeof(float));
      if (l.cells) std::memcpy(l.cells + place * units, c_row, units * sizeof(float));
    }
  }
  std::memcpy(l.c_last + first_row * units, c.data(), rows * units * sizeof(float));
}

void lstm_backward_loop(const Recurrence& l, long first_row, long last_row) {
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
void lstm_backward(const Recurrence& l, long first_row, long last_row) { lstm_backward_loop(l, first_row, last_row); }

}  // namespace LOOPS
}  // namespace freedive
