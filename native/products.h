// Products of matrices from the processor's caches: the right factor lies in panels of kColumns columns, row after row,
// filled up with zeros. Compiled once for each set of instructions (-DLOOPS=..., -DWIDTH=floats in a register).
#pragma once

#include <algorithm>
#include <cstring>

namespace freedive {
namespace {

typedef float Floats __attribute__((vector_size(WIDTH * 4)));
typedef int Ints __attribute__((vector_size(WIDTH * 4)));
constexpr long kWidth = WIDTH, kColumns = 2 * WIDTH;

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

}  // namespace

namespace LOOPS {

// A left factor: element (row, k) is at[row * row_stride + k * depth_stride]. Its depth may consist of several runs as
// long as one another, each of them `runs[i]` further on: so a window on a picture is a row, where it lies.
constexpr long kHere[] = {0};
struct Left {
  const float* at;
  long row_stride, depth_stride;
  const long* runs = kHere;
  long count = 1;
};

// Panels of a matrix (depth, width) whose element (k, n) is matrix[k * depth_stride + n * width_stride].
void pack(const float* matrix, long depth, long width, long depth_stride, long width_stride, float* panels);

// y (rows, width), or what is in it already, = a (rows, depth) times the panels; a run of a has that depth.
void product(const Left& a, const float* panels, long rows, long depth, long width, float* y, long y_stride,
             bool add = false);

// The same for a single column, whose numbers lie side by side as those of a row do (a.depth_stride is one).
void dots(const Left& a, const float* column, long rows, long depth, float* y, long y_stride, bool add);

}  // namespace LOOPS

using LOOPS::dots;
using LOOPS::Left;
using LOOPS::pack;
using LOOPS::product;

}  // namespace freedive
