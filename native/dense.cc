// Dense layers: y = x W, plus a bias and cut at zero while the rows of y are still in the caches; and its transposes.
// Where a layer was cut at zero, what comes back is let through where y is over zero.
//
// Compiled once for each set of instructions (-DLOOPS=..., -DWIDTH=floats in a register).

#include "loops.h"

#include <algorithm>

#include "products.h"

#include "functions.h"
#include "rows.h"

namespace freedive {
namespace {

constexpr long kTile = 84;         // rows at a time: so many whole blocks of them, for every set of instructions
constexpr long kSummed = 1L << 16; // floats: a gradient that is larger is added to less often

// Some columns of a row of the product, added up in registers.
template <long registers>
inline void few_columns(const Dense& d, long row, long first, long columns) {
  const float* x = d.x + row * d.depth;
  const float* w = d.panels + first;
  Floats sums[2][registers] = {};  // of even and of odd features: neither waits for the other
  const auto add = [&](Floats* to, long k) {
    for (long i = 0; i < registers; ++i) to[i] += x[k] * load(w + k * d.width + i * kWidth, columns - i * kWidth);
  };
  long k = 0;
  for (; k + 2 <= d.depth; k += 2) add(sums[0], k), add(sums[1], k + 1);
  if (k < d.depth) add(sums[0], k);
  for (long i = 0; i < registers; ++i)
    store(d.found + row * d.width + first + i * kWidth, sums[0][i] + sums[1][i], columns - i * kWidth);
}

inline void softmax(float* row, long width) {
  const float top = *std::max_element(row, row + width);
  Floats sums = {};
  for (long i = 0; i < width; i += kWidth) {
    store(row + i, exp_of(load(row + i, width - i) - top), width - i);
    sums += load(row + i, width - i);  // again, for zeros behind the last one
  }
  float sum = 0.0f;
  for (long lane = 0; lane < kWidth; ++lane) sum += sums[lane];
  for (long i = 0; i < width; ++i) row[i] /= sum;
}

template <typename Function>
inline void each(float* numbers, long count, Function f) {
  for (long i = 0; i < count; i += kWidth) store(numbers + i, f(load(numbers + i, count - i)), count - i);
}

}  // namespace

namespace LOOPS {

void activate(long activation, float* rows, long count, long width) {
  if (activation == kSoftmax) {
    for (long n = 0; n < count; ++n) softmax(rows + n * width, width);
  } else if (activation == kSigmoid) {
    each(rows, count * width, [](Floats x) { return 1.0f / (1.0f + exp_of(-x)); });
  } else if (activation == kTanh) {
    each(rows, count * width, [](Floats x) { return tanh_of(x); });
  }
}

void dense(const Dense& d, long first, long last) {
  const long wide = filled(d.width);
  Memory rows(kTile * wide);
  for (long row = first; row < last; row += kTile) {
    const long count = std::min(kTile, last - row);
    const Right kernel = d.as_it_is ? Right(d.panels, d.width) : Right(d.panels);
    product({d.x + row * d.depth, d.depth, 1}, kernel, count, d.depth, d.width, rows.data(), wide);
    const Ending ending = {d.bias, d.relu, d.let ? d.let + row * d.width : nullptr};
    finish(ending, rows.data(), wide, count, d.width, d.found + row * d.width, d.width);
  }
}

// A kernel that is read once is not worth packing.
void dense_few(const Dense& d) {
  constexpr long kBlock = 4;  // registers
  for (long row = 0; row < d.rows; ++row)
    for (long first = 0; first < d.width;) {
      const long left = d.width - first;
      const bool many = left >= kBlock * kWidth;
      if (many) few_columns<kBlock>(d, row, first, kBlock * kWidth);
      else few_columns<1>(d, row, first, std::min(kWidth, left));
      first += many ? kBlock * kWidth : kWidth;
    }
  finish({d.bias, d.relu, d.let}, d.found, d.width, d.rows, d.width, d.found, d.width);
}

void dense_by_x(const Dense& d, long first, long last) {
  const long wide = filled(d.depth);
  Memory rows, found(kTile * wide);
  for (long row = first; row < last; row += kTile) {
    const long count = std::min(kTile, last - row);
    const float* by = let_through(d.y + row * d.width, d.let ? d.let + row * d.width : nullptr, count * d.width, rows);
    product({by, d.width, 1}, d.panels, count, d.width, d.depth, found.data(), wide);
    finish({}, found.data(), wide, count, d.depth, d.found + row * d.depth, d.depth);
  }
}

void dense_by_kernel(const Dense& d, long first_row, long last_row, long first, long last, float* found) {
  const long tile = d.depth * d.width > kSummed ? 4 * kTile : kTile;
  Memory rows, panels;
  for (long row = first_row; row < last_row; row += tile) {
    const long count = std::min(tile, last_row - row);
    const float* by = let_through(d.y + row * d.width, d.let ? d.let + row * d.width : nullptr, count * d.width, rows);
    Right right(by, d.width);
    if (d.width % kWidth) {
      panels.resize(filled(d.width) * tile);
      pack(by, count, d.width, d.width, 1, panels.data());
      right = Right(panels.data());
    }
    const Left x = {d.x + row * d.depth + first, 1, d.depth};
    product(x, right, last - first, count, d.width, found + first * d.width, d.width, row > first_row);
    if (d.ones && last == d.depth) {
      float* sums = found + d.depth * d.width;
      if (row == first_row) std::fill_n(sums, d.width, 0.0f);
      add_rows(by, count, d.width, sums);
    }
  }
}

}  // namespace LOOPS
}  // namespace freedive
