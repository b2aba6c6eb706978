// Products of matrices from the processor's caches: the right factor lies in panels of kColumns columns, row after row,
// filled up with zeros. Compiled once for each set of instructions (-DWIDTH=floats in a register).
#pragma once

#include <algorithm>
#include <cstring>

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

inline long filled(long width) { return (width + kColumns - 1) / kColumns * kColumns; }

// Panels of a matrix (depth, width) whose element (k, n) is matrix[k * depth_stride + n * width_stride].
inline void pack(const float* matrix, long depth, long width, long depth_stride, long width_stride, float* panels) {
  for (long first = 0; first < width; first += kColumns)
    for (long k = 0; k < depth; ++k)
      for (long n = first; n < first + kColumns; ++n)
        *panels++ = n < width ? matrix[k * depth_stride + n * width_stride] : 0.0f;
}

// A left factor: element (row, k) is at[row * row_stride + k * depth_stride].
struct Left {
  const float* at;
  long row_stride, depth_stride;
};

template <long rows, long registers>
inline void block(Left a, const float* panel, long depth, float* y, long y_stride, long columns, bool add) {
  Floats sums[rows][registers] = {};
  for (long k = 0; k < depth; ++k, panel += kColumns) {
    Floats right[registers];
    for (long i = 0; i < registers; ++i) right[i] = load(panel + i * kWidth);
    for (long row = 0; row < rows; ++row) {
      const float value = a.at[row * a.row_stride + k * a.depth_stride];
      for (long i = 0; i < registers; ++i) sums[row][i] += value * right[i];
    }
  }
  for (long row = 0; row < rows; ++row)
    for (long i = 0; i < registers; ++i) {
      const long count = columns - i * kWidth;
      if (count <= 0) break;
      float* to = y + row * y_stride + i * kWidth;
      store(to, add ? sums[row][i] + load(to, count) : sums[row][i], count);
    }
}

template <long registers>
inline void blocks(Left a, const float* panel, long rows, long depth, float* y, long y_stride, long columns, bool add) {
  long row = 0;
  auto here = [&](long row) { return Left{a.at + row * a.row_stride, a.row_stride, a.depth_stride}; };
  for (; row + kRows <= rows; row += kRows)
    block<kRows, registers>(here(row), panel, depth, y + row * y_stride, y_stride, columns, add);
  for (; row + 2 <= rows; row += 2)
    block<2, registers>(here(row), panel, depth, y + row * y_stride, y_stride, columns, add);
  if (row < rows) block<1, registers>(here(row), panel, depth, y + row * y_stride, y_stride, columns, add);
}

// y (rows, width), or what is in it already, = a (rows, depth) times the panels.
inline void product(Left a, const float* panels, long rows, long depth, long width, float* y, long y_stride,
                    bool add = false) {
  for (long first = 0; first < width; first += kColumns, panels += kColumns * depth) {
    const long columns = std::min(kColumns, width - first);
    if (columns <= kWidth) blocks<1>(a, panels, rows, depth, y + first, y_stride, columns, add);
    else blocks<2>(a, panels, rows, depth, y + first, y_stride, columns, add);
  }
}

}  // namespace
}  // namespace freedive
