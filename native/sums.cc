// Sums over the rows of two matrices, for moments of columns and their gradients: sum of d, and sum of d (x - shift),
// in one pass; or with d = x - shift, for the moments themselves.
//
// Compiled once for each set of instructions (-DLOOPS=..., -DWIDTH=floats in a register).

#include "loops.h"

#include <algorithm>

#include "products.h"

namespace freedive {
namespace {

constexpr long kSome = 16;  // rows at a time: their sums are added up first, so rounding grows with a sixteenth of the rows

}  // namespace

namespace LOOPS {

void sums(const Sums& s, long first, long last, float* found) {
  for (long from = first; from < last; from += kSome) {
    const long to = std::min(last, from + kSome);
    for (long i = 0; i < s.width; i += kWidth) {
      const long count = s.width - i;
      const Floats shift = load(s.shift + i, count);
      Floats products = {}, plain = {};
      for (long row = from; row < to; ++row) {
        const Floats x = load(s.x + row * s.width + i, count) - shift;
        const Floats d = s.d ? load(s.d + row * s.width + i, count) : x;
        products += d * x, plain += d;
      }
      store(found + i, load(found + i, count) + products, count);
      store(found + s.width + i, load(found + s.width + i, count) + plain, count);
    }
  }
}

}  // namespace LOOPS
}  // namespace freedive
