// A step of Adam for many weights: one pass over each weight, its gradient and its two means.
//
// Compiled once for each set of instructions (-DLOOPS=..., -DWIDTH=floats in a register).

#include <cmath>

#include "loops.h"

namespace freedive {
namespace LOOPS {

void adam(const Adam& a, long first, long last) {
  const Adam::Numbers n = a.numbers;
  const float *g = a.g, *p = a.p, *m = a.m, *v = a.v;
  float *new_p = a.new_p, *new_m = a.new_m, *new_v = a.new_v;
#pragma GCC ivdep  // each number is read before it is written, and nobody else reads it
  for (long i = first; i < last; ++i) {
    const float mean = m[i] + (g[i] - m[i]) * n.of_mean, square = v[i] + (g[i] * g[i] - v[i]) * n.of_square;
    new_m[i] = mean, new_v[i] = square;
    new_p[i] = (p[i] - p[i] * n.decay) - mean * n.rate / (std::sqrt(square) + n.epsilon);
  }
}

}  // namespace LOOPS
}  // namespace freedive
