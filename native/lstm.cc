// The loops of an LSTM over time, for some rows of a batch: z = x W + b + h U with gates i, f, g, o;
// c' = f c + i g, h' = o tanh(c'). Rows do not meet, so every processor runs the whole sequence of its own.
//
// Compiled once for each set of instructions (-DLOOPS=..., -DWIDTH=floats in a register).

#include "lstm.h"

#include <algorithm>
#include <cstring>
#include <vector>

namespace freedive {
namespace {

typedef float Floats __attribute__((vector_size(WIDTH * 4)));
typedef int Ints __attribute__((vector_size(WIDTH * 4)));
constexpr long kWidth = WIDTH, kColumns = 2 * WIDTH, kRows = WIDTH == 16 ? 8 : 4;

inline Floats load(const float* from, long count = kWidth) {
  Floats x = {};
  if (count >= kWidth) std::memcpy(&x, from, sizeof x);
  else std::memcpy(&x, from, count * sizeof(float));
  return x;
}

inline void store(float* to, Floats x, long count = kWidth) {
  if (count >= kWidth) std::memcpy(to, &x, sizeof x);
  else std::memcpy(to, &x, count * sizeof(float));
}

inline Floats all(float value) { return value - Floats{}; }

// tanh to 2 units in the last place: a polynomial near 0, 1 - 2 / (exp(2 |x|) + 1) beyond (Cephes' tanhf and expf).
inline Floats tanh_of(Floats x) {
  const Floats size = x < 0 ? -x : x;
  const Floats s = x * x;
  const Floats low =
      ((((s * -5.70498872745e-3f + 2.06390887954e-2f) * s - 5.37397155531e-2f) * s + 1.33314422036e-1f) * s -
       3.33332819422e-1f) * s * x + x;
  const Floats y = 2 * (size > 9.1f ? all(9.1f) : size);
  const Floats n = (y * 1.44269504088896341f + 12582912.0f) - 12582912.0f;  // rounded to a whole number
  const Floats r = y - n * 0.693359375f + n * 2.12194440e-4f;
  Floats e = ((((r * 1.9875691500e-4f + 1.3981999507e-3f) * r + 8.3334519073e-3f) * r + 4.1665795894e-2f) * r +
              1.6666665459e-1f) * r + 5.0000001201e-1f;
  e = e * r * r + r + 1.0f;
  const Ints power = (__builtin_convertvector(n, Ints) + 127) << 23;  // 2^n, written into the bits
  Floats scale;
  std::memcpy(&scale, &power, sizeof scale);
  const Floats high = 1.0f - 2.0f / (e * scale + 1.0f);
  const Floats found = size < 0.625f ? low : (x < 0 ? -high : high);
  return x == x ? found : x;  // not a number stays so
}

inline Floats sigmoid(Floats x) { return 0.5f * tanh_of(0.5f * x) + 0.5f; }

// products --------------------------------------------------------------------------------------------------------
// The right factor lies in panels of kColumns columns, row after row, filled up with zeros.
long panels_size(long depth, long width) { return (width + kColumns - 1) / kColumns * kColumns * depth; }

void pack(const float* matrix, long depth, long width, bool transposed, float* panels) {
  for (long first = 0; first < width; first += kColumns)
    for (long k = 0; k < depth; ++k)
      for (long n = first; n < first + kColumns; ++n)
        *panels++ = n >= width ? 0.0f : transposed ? matrix[n * depth + k] : matrix[k * width + n];
}

template <long rows>
void product_of(const float* a, long stride, const float* panel, long depth, float* y, long y_stride) {
  Floats sums[rows][2] = {};
  for (long k = 0; k < depth; ++k, panel += kColumns) {
    const Floats left = load(panel), right = load(panel + kWidth);
    for (long row = 0; row < rows; ++row) {
      const float value = a[row * stride + k];
      sums[row][0] += value * left;
      sums[row][1] += value * right;
    }
  }
  for (long row = 0; row < rows; ++row) {
    store(y + row * y_stride, sums[row][0]);
    store(y + row * y_stride + kWidth, sums[row][1]);
  }
}

// y (rows, width filled up) = a (rows, depth) times the panels.
void product(const float* a, long stride, const float* panels, long rows, long depth, long y_stride, float* y) {
  for (long first = 0; first < y_stride; first += kColumns, panels += kColumns * depth) {
    long row = 0;
    for (; row + kRows <= rows; row += kRows)
      product_of<kRows>(a + row * stride, stride, panels, depth, y + row * y_stride + first, y_stride);
    for (; row + 2 <= rows; row += 2)
      product_of<2>(a + row * stride, stride, panels, depth, y + row * y_stride + first, y_stride);
    if (row < rows) product_of<1>(a + row * stride, stride, panels, depth, y + row * y_stride + first, y_stride);
  }
}

long filled(long width) { return (width + kColumns - 1) / kColumns * kColumns; }

// the loops -------------------------------------------------------------------------------------------------------
void forward(const Lstm& l, long first_row, long last_row) {
  const long rows = last_row - first_row, units = l.units, wide = filled(4 * units);
  std::vector<float> z(rows * wide), h(rows * units), c(rows * units), into(rows * units);
  std::memcpy(h.data(), l.h_first + first_row * units, rows * units * sizeof(float));
  std::memcpy(c.data(), l.c_first + first_row * units, rows * units * sizeof(float));
  for (long step = 0; step < l.time; ++step) {
    const long t = l.reverse ? l.time - 1 - step : step;
    const float* product_input = h.data();
    if (l.keep) {
      const float* keep = l.keep + first_row * units;
      for (long i = 0; i < rows * units; ++i) into[i] = h[i] * keep[i];
      product_input = into.data();
    }
    product(product_input, units, l.panels, rows, units, wide, z.data());
    for (long row = 0; row < rows; ++row) {
      const long place = t * l.batch + first_row + row;
      const bool counts = !l.mask || l.mask[place];
      const float *projected = l.projected + place * 4 * units, *sums = z.data() + row * wide;
      float *h_row = h.data() + row * units, *c_row = c.data() + row * units;
      if (counts) {
        for (long u = 0; u < units; u += kWidth) {
          const long n = units - u;
          const Floats i = sigmoid(load(projected + u, n) + load(sums + u, n));
          const Floats f = sigmoid(load(projected + units + u, n) + load(sums + units + u, n));
          const Floats g = tanh_of(load(projected + 2 * units + u, n) + load(sums + 2 * units + u, n));
          const Floats o = sigmoid(load(projected + 3 * units + u, n) + load(sums + 3 * units + u, n));
          const Floats cell = f * load(c_row + u, n) + i * g;
          store(c_row + u, cell, n);
          store(h_row + u, o * tanh_of(cell), n);
          if (l.gates) {
            float* gates = l.gates + place * 4 * units + u;
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

void backward(const Lstm& l, long first_row, long last_row) {
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
      const float *gates = l.gates + place * 4 * units, *cells = l.cells + place * units;
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
    product(l.by_projected + (t * l.batch + first_row) * 4 * units, 4 * units, l.panels, rows, 4 * units, wide,
            found.data());
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

extern const Loops LOOPS = {panels_size, pack, forward, backward};

}  // namespace freedive
