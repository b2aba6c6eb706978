// Dense layers: y = x W, plus a bias and cut at zero before anything is written; and its two transposes. Where a layer
// was cut at zero, what comes back is let through where y is over zero.
//
// All three are products of blocks: some depth of some rows of the left factor lies in the second cache, the same depth
// of a panel of the right one in the first, laid out where it is needed, while the lines of the next one are on their way.
//
// Compiled once for each set of instructions (-DLOOPS=..., -DWIDTH=floats in a register).

#include "loops.h"

#include <algorithm>

#include "products.h"

#include "functions.h"
#include "rows.h"

namespace freedive {
namespace {

constexpr long kDepth = 512, kRows = 512;  // of a block, at most
constexpr long kSome = 64;                 // rows for which a kernel is read where it lies
constexpr long kLine = 16;                 // floats that come from memory at once

// Some columns of a row of the product, added up in registers.
template <long registers>
inline void few_columns(const Product& p, long row, long first, long columns) {
  const float* x = p.left.at + row * p.left.row;
  const float* w = p.right.at + first;
  Floats sums[2][registers] = {};  // of even and of odd features: neither waits for the other
  const auto add = [&](Floats* to, long k) {
    for (long i = 0; i < registers; ++i) to[i] += x[k] * load(w + k * p.right.row + i * kWidth, columns - i * kWidth);
  };
  long k = 0;
  for (; k + 2 <= p.depth; k += 2) add(sums[0], k), add(sums[1], k + 1);
  if (k < p.depth) add(sums[0], k);
  for (long i = 0; i < registers; ++i)
    store(p.found + row * p.apart + first + i * kWidth, sums[0][i] + sums[1][i], columns - i * kWidth);
}

// Lines of a factor, as far as they are let through, so many numbers of each.
inline void copy(const Factor f, long apart, long lines, long count, float* to, long to_apart) {
  for (long line = 0; line < lines; ++line)
    for (long i = 0; i < count; i += kWidth) {
      const long at = line * apart + i;
      const Floats x = load(f.at + at, count - i);
      store(to + line * to_apart + i, f.let ? where(load(f.let + at, count - i), x) : x, count - i);
    }
}

// As large as the largest of equal parts that have no more than so many, and whole units.
inline long part_of(long whole, long most, long unit) {
  const long parts = std::max(1L, (whole + most - 1) / most);
  return std::max(unit, ((whole + parts - 1) / parts + unit - 1) / unit * unit);
}

// A block of the left factor where it lies, or a copy: of lines that many bits of an address have in common the caches
// hold a few, and what is masked is masked once.
Left left_of(const Factor& f, long rows, long depth, Memory& memory) {
  const bool turned = f.row == 1;
  const long lines = turned ? depth : rows, count = turned ? rows : depth;
  const long apart = turned ? f.column : f.row;
  if (!f.let && apart % (turned ? 64 : 1024)) return {f.at, f.row, f.column};
  const long wide = (count + kLine - 1) / kLine * kLine + kLine;
  if (long(memory.size()) < lines * wide) memory.resize(lines * wide);
  copy(f, apart, lines, count, memory.data(), wide);
  return turned ? Left{memory.data(), 1, wide} : Left{memory.data(), wide, 1};
}

// A panel of the right factor.
void panel_of(const Factor& f, long depth, long columns, float* panel) {
  if (!f.let) return pack(f.at, depth, columns, f.row, f.column, panel);
  if (columns < kColumns) std::fill_n(panel, depth * kColumns, 0.0f);
  copy(f, f.row, depth, columns, panel, kColumns);
}

Ahead ahead_of(const Factor& f, long depth) {
  const bool turned = f.row == 1;
  const long rows = turned ? kColumns : depth, lines = (turned ? depth : kColumns) / kLine;
  return {f.at, f.let, turned ? f.column : f.row, rows, std::max(1L, lines)};
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

void dense(const Product& p) {
  static thread_local Memory block, panel;
  const bool as_it_is = p.rows <= kSome && p.right.column == 1 && !p.right.let && !p.sums && p.width % kWidth == 0;
  const long deep = part_of(p.depth, kDepth, kWidth), high = part_of(p.rows, kRows, 1);
  if (long(panel.size()) < deep * kColumns) panel.resize(deep * kColumns);
  if (p.sums) std::fill_n(p.sums, p.width, 0.0f);
  for (long k = 0; k == 0 || k < p.depth; k += deep)
    for (long row = 0; row < p.rows; row += high) {
      const long depth = std::min(deep, p.depth - k), rows = std::min(high, p.rows - row);
      const bool last = k + depth == p.depth;
      const Left left = left_of(p.left.from(row, k), rows, depth, block);
      for (long first = 0; first < p.width; first += kColumns) {
        const long columns = std::min(kColumns, p.width - first), at = row * p.apart + first;
        const Factor right = p.right.from(k, first);
        Way way(k > 0, {}, true);
        if (last) way.ending = {p.bias ? p.bias + first : nullptr, p.relu, p.let ? p.let + at : nullptr};
        if (as_it_is) {
          product(left, Right(right.at, right.row), rows, depth, columns, p.found + at, p.apart, way);
        } else {
          panel_of(right, depth, columns, panel.data());
          if (p.sums && row == 0) add_rows(panel.data(), kColumns, depth, columns, p.sums + first);
          if (first + 2 * kColumns <= p.width) way.ahead = ahead_of(p.right.from(k, first + kColumns), depth);
          product(left, panel.data(), rows, depth, columns, p.found + at, p.apart, way);
        }
      }
    }
}

// A kernel that is read once is not worth packing.
void dense_few(const Product& p) {
  constexpr long kBlock = 4;  // registers
  for (long row = 0; row < p.rows; ++row)
    for (long first = 0; first < p.width;) {
      const long left = p.width - first;
      const bool many = left >= kBlock * kWidth;
      if (many) few_columns<kBlock>(p, row, first, kBlock * kWidth);
      else few_columns<1>(p, row, first, std::min(kWidth, left));
      first += many ? kBlock * kWidth : kWidth;
    }
  finish({p.bias, p.relu, p.let}, p.found, p.apart, p.rows, p.width, p.found, p.apart);
}

}  // namespace LOOPS
}  // namespace freedive
