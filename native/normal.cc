// Rows brought to mean 0 and variance 1, or to a mean square of 1, times factors and plus offsets; and the way back.
//
// Compiled once for each set of instructions (-DLOOPS=..., -DWIDTH=floats in a register).

#include "loops.h"

#include <algorithm>
#include <cmath>

#include "products.h"

#include "functions.h"

namespace freedive {
namespace {

constexpr long kSome = 16;  // rows at a time: they stay in the first cache, and rounding grows with a sixteenth of them

// The mean of f(i, count) over a row, a register at a time; behind its last number f gives zeros.
template <typename F>
inline float mean_of(long width, F f) {
  Floats sums[2] = {};
  long i = 0;
  for (; i + 2 * kWidth <= width; i += 2 * kWidth)
    for (long j = 0; j < 2; ++j) sums[j] += f(i + j * kWidth, kWidth);
  for (; i < width; i += kWidth) sums[0] += f(i, width - i);
  return sum_of(sums[0] + sums[1]) / static_cast<float>(width);
}

inline Floats first_of(Floats x, long count) {  // what lies behind the end of a row is zero
  if (count >= kWidth) return x;
  float lanes[kWidth] = {};
  std::memcpy(lanes, &x, count * sizeof(float));
  std::memcpy(&x, lanes, sizeof x);
  return x;
}

// What a row is shifted by, and what it is multiplied by then.
struct Scale {
  float mean, part;
};

inline Scale scale_of(const Normal& n, const float* x) {
  const float mean = n.centred ? mean_of(n.width, [&](long i, long count) { return load(x + i, count); }) : 0.0f;
  const float square = mean_of(n.width, [&](long i, long count) {
    const Floats d = first_of(load(x + i, count) - mean, count);
    return d * d;
  });
  return {mean, 1.0f / std::sqrt(square + n.epsilon)};
}

// With n the row as it is normalised and g = by_y factor: by_x = part (g - mean of g - n mean of n g).
inline Scale row_back(const Normal& n, long row) {
  const float *x = n.x + row * n.width, *by = n.by + row * n.width;
  const Scale s = scale_of(n, x);
  const auto given = [&](long i, long count) { return load(by + i, count) * load(n.factors + i, count); };
  const float level = n.centred ? mean_of(n.width, given) : 0.0f;
  const float slope = mean_of(n.width, [&](long i, long count) {
    return given(i, count) * (load(x + i, count) - s.mean);
  }) * s.part * s.part;
  for (long i = 0; i < n.width; i += kWidth) {
    const long count = n.width - i;
    const Floats d = load(x + i, count) - s.mean;
    store(n.found + row * n.width + i, s.part * (given(i, count) - level - d * slope), count);
  }
  return s;
}

}  // namespace

namespace LOOPS {

void normal(const Normal& n, long first, long last) {
  for (long row = first; row < last; ++row) {
    const float* x = n.x + row * n.width;
    const Scale s = scale_of(n, x);
    for (long i = 0; i < n.width; i += kWidth) {
      const long count = n.width - i;
      const Floats y = (load(x + i, count) - s.mean) * (s.part * load(n.factors + i, count));
      store(n.found + row * n.width + i, y + load(n.factors + n.width + i, count), count);
    }
  }
}

void normal_back(const Normal& n, long first, long last, float* by_factors) {
  for (long from = first; from < last; from += kSome) {
    const long to = std::min(last, from + kSome);
    Scale scales[kSome];
    for (long row = from; row < to; ++row) scales[row - from] = row_back(n, row);
    for (long i = 0; i < n.width; i += kWidth) {
      const long count = n.width - i;
      Floats products = {}, plain = {};
      for (long row = from; row < to; ++row) {
        const Scale s = scales[row - from];
        const Floats by = load(n.by + row * n.width + i, count);
        products += by * ((load(n.x + row * n.width + i, count) - s.mean) * s.part), plain += by;
      }
      store(by_factors + i, load(by_factors + i, count) + products, count);
      store(by_factors + n.width + i, load(by_factors + n.width + i, count) + plain, count);
    }
  }
}

}  // namespace LOOPS
}  // namespace freedive
