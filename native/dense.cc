// Dense layers: y = x W, plus a bias and cut at zero while the rows of y are still in the caches; and its transposes.
// Where a layer was cut at zero, what comes back is let through where y is over zero.
//
// Compiled once for each set of instructions (-DLOOPS=..., -DWIDTH=floats in a register).

#include "loops.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "products.h"

namespace freedive {
namespace {

constexpr long kTile = 64;         // rows at a time
constexpr long kSummed = 1L << 16; // floats: a gradient that is larger is added to less often

// Rows that were multiplied, from the caches to where they belong: a store line by line is what memory likes.
void finish(const Dense& d, long width, const float* rows, long count, float* to, const float* let) {
  const long wide = filled(width);
  for (long n = 0; n < count; ++n)
    for (long i = 0; i < width; i += kWidth) {
      const long left = width - i, at = n * width + i;
      Floats z = load(rows + n * wide + i);
      if (d.bias) z += load(d.bias + i, left);
      if (d.relu) z = z > 0.0f ? z : (z == z ? all(0.0f) : z);
      if (let) z = load(let + at, left) > 0.0f ? z : all(0.0f);
      store(to + at, z, left);
    }
}

// Rows of what comes back, as far as it is let through; the rows themselves where all of it is.
const float* let_through(const Dense& d, long row, long count, std::vector<float>& into) {
  const float* by = d.y + row * d.width;
  if (!d.let) return by;
  const float* let = d.let + row * d.width;
  into.resize(count * d.width);
  for (long i = 0; i < count * d.width; i += kWidth) {
    const long left = count * d.width - i;
    store(into.data() + i, load(let + i, left) > 0.0f ? load(by + i, left) : all(0.0f), left);
  }
  return into.data();
}

}  // namespace

namespace LOOPS {

void dense(const Dense& d, long first, long last) {
  const long wide = filled(d.width);
  std::vector<float> rows(kTile * wide);
  for (long row = first; row < last; row += kTile) {
    const long count = std::min(kTile, last - row);
    product({d.x + row * d.depth, d.depth, 1}, d.panels, count, d.depth, d.width, rows.data(), wide);
    finish(d, d.width, rows.data(), count, d.found + row * d.width, d.let ? d.let + row * d.width : nullptr);
  }
}

void dense_by_x(const Dense& d, long first, long last) {
  const long wide = filled(d.depth);
  std::vector<float> rows, found(kTile * wide);
  for (long row = first; row < last; row += kTile) {
    const long count = std::min(kTile, last - row);
    const float* by = let_through(d, row, count, rows);
    product({by, d.width, 1}, d.panels, count, d.width, d.depth, found.data(), wide);
    finish(d, d.depth, found.data(), count, d.found + row * d.depth, nullptr);
  }
}

void dense_by_kernel(const Dense& d, long first, long last, float* found) {
  const long tile = d.depth * d.width > kSummed ? 4 * kTile : kTile;
  std::vector<float> rows, panels(filled(d.width) * tile);
  for (long row = first; row < last; row += tile) {
    const long count = std::min(tile, last - row);
    const float* by = let_through(d, row, count, rows);
    pack(by, count, d.width, d.width, 1, panels.data());
    product({d.x + row * d.depth, 1, d.depth}, panels.data(), d.depth, count, d.width, found, d.width, true);
    if (!d.ones) continue;
    float* sums = found + d.depth * d.width;
    for (long n = 0; n < count; ++n)
      for (long i = 0; i < d.width; i += kWidth) {
        const long left = d.width - i;
        store(sums + i, load(sums + i, left) + load(by + n * d.width + i, left), left);
      }
  }
}

}  // namespace LOOPS
}  // namespace freedive
