// Rows of numbers for classes: softmax and its gradient, the sum, and the place of the largest, in one pass each.
//
// Compiled once for each set of instructions (-DLOOPS=..., -DWIDTH=floats in a register).

#include "loops.h"

#include <algorithm>
#include <cmath>

#include "products.h"

#include "functions.h"

namespace freedive {
namespace {

// What f says of registers, folded lane by lane, and then over the lanes; behind the last number stands `none`.
template <typename Fold>
inline float folded(const float* row, long width, float none, Fold fold) {
  Floats found[2] = {all(none), all(none)};
  long i = 0;
  for (; i + 2 * kWidth <= width; i += 2 * kWidth)
    for (long j = 0; j < 2; ++j) found[j] = fold(found[j], load(row + i + j * kWidth));
  Floats both = fold(found[0], found[1]);
  float lanes[kWidth];
  std::memcpy(lanes, &both, sizeof both);
  for (; i < width; ++i) lanes[0] = fold(all(lanes[0]), all(row[i]))[0];
  for (long lane = 1; lane < kWidth; ++lane) lanes[0] = fold(all(lanes[0]), all(lanes[lane]))[0];
  return lanes[0];
}

inline float largest(const float* row, long width) {  // not a number stays so
  return folded(row, width, -INFINITY, [](Floats a, Floats b) { return (a > b) | (a != a) ? a : b; });
}

inline float sum(const float* row, long width) {
  return folded(row, width, 0.0f, [](Floats a, Floats b) { return a + b; });
}

}  // namespace

namespace LOOPS {

void softmax(const Classes& c, long first, long last) {
  for (long n = first; n < last; ++n) {
    const float* x = c.x + n * c.width;
    float* y = c.found + n * c.width;
    const float top = largest(x, c.width), shift = top == -INFINITY ? 0.0f : top;
    for (long i = 0; i < c.width; i += kWidth) {
      const Floats z = load(x + i, c.width - i) - shift;
      store(y + i, z == z ? exp_of(z) : z, c.width - i);
    }
    const float total = sum(y, c.width), part = 1.0f / (total == 0.0f ? 1.0f : total);
    for (long i = 0; i < c.width; i += kWidth) store(y + i, load(y + i, c.width - i) * part, c.width - i);
  }
}

void softmax_back(const Classes& c, long first, long last) {
  for (long n = first; n < last; ++n) {
    const float *y = c.y + n * c.width, *by = c.x + n * c.width;
    Floats products = {};
    for (long i = 0; i < c.width; i += kWidth) products += load(y + i, c.width - i) * load(by + i, c.width - i);
    float lanes[kWidth], mean = 0.0f;
    std::memcpy(lanes, &products, sizeof products);
    for (long lane = 0; lane < kWidth; ++lane) mean += lanes[lane];
    for (long i = 0; i < c.width; i += kWidth) {
      const long left = c.width - i;
      store(c.found + n * c.width + i, load(y + i, left) * (load(by + i, left) - mean), left);
    }
  }
}

void class_sums(const Classes& c, long first, long last) {
  for (long n = first; n < last; ++n) c.found[n] = sum(c.x + n * c.width, c.width);
}

void class_largest(const Classes& c, long first, long last) {
  for (long n = first; n < last; ++n) {
    const float* x = c.x + n * c.width;
    const float top = largest(x, c.width);
    const float* at = top == top ? std::find(x, x + c.width, top)
                                 : std::find_if(x, x + c.width, [](float one) { return one != one; });
    c.place[n] = static_cast<int>(at - x);
  }
}

}  // namespace LOOPS
}  // namespace freedive
