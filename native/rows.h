// What is done to rows on their way to or from a product, in the caches.
// Included after products.h.
#pragma once

#include "memory.h"

namespace freedive {
namespace {

// Rows that were multiplied, ended, to where they belong, which may be where they are.
inline void finish(const Ending& e, const float* rows, long apart, long count, long width, float* to, long to_apart) {
  for (long n = 0; n < count; ++n)
    for (long i = 0; i < width; i += kWidth) {
      const long left = width - i, at = n * to_apart + i;
      Floats z = load(rows + n * apart + i, left);
      if (e.bias) z += load(e.bias + i, left);
      if (e.relu) z = positive(z);
      if (e.let) z = where(load(e.let + at, left), z);
      store(to + at, z, left);
    }
}

// So many numbers times factors.
inline const float* times(const float* from, const float* factors, long count, Memory& into) {
  into.resize(count);
  for (long i = 0; i < count; ++i) into[i] = from[i] * factors[i];
  return into.data();
}

// sums (width) and what is in them already: the sums of so many rows, which lie so far apart.
inline void add_rows(const float* rows, long apart, long count, long width, float* sums) {
  for (long i = 0; i < width; i += kWidth) {
    const long left = width - i;
    Floats sum = load(sums + i, left);
    for (long n = 0; n < count; ++n) sum += load(rows + n * apart + i, left);
    store(sums + i, sum, left);
  }
}

}  // namespace
}  // namespace freedive
