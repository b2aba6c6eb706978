// What is done to rows on their way to or from a product, in the caches: bias and relu, and the mask of a relu.
// Included after products.h.
#pragma once

#include "memory.h"

namespace freedive {
namespace {

inline Floats positive(Floats z) { return z > 0.0f ? z : (z == z ? all(0.0f) : z); }  // not a number stays so
inline Floats where(Floats let, Floats z) { return let > 0.0f ? z : all(0.0f); }

// What comes after a product.
struct Ending {
  const float* bias;  // (width) or null
  bool relu;          // cut at zero
  const float* let;   // or null: as large as what is found; only where it is over zero anything passes
  bool any() const { return bias || relu || let; }
};

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

// So many numbers as far as they are let through; they themselves where all of them are.
inline const float* let_through(const float* from, const float* let, long count, Memory& into) {
  if (!let) return from;
  into.resize(count);
  for (long i = 0; i < count; i += kWidth) {
    const long left = count - i;
    store(into.data() + i, where(load(let + i, left), load(from + i, left)), left);
  }
  return into.data();
}

// So many numbers times factors.
inline const float* times(const float* from, const float* factors, long count, Memory& into) {
  into.resize(count);
  for (long i = 0; i < count; ++i) into[i] = from[i] * factors[i];
  return into.data();
}

// sums (width) and what is in them already: the sums of so many rows.
inline void add_rows(const float* rows, long count, long width, float* sums) {
  for (long i = 0; i < width; i += kWidth) {
    const long left = width - i;
    Floats sum = load(sums + i, left);
    for (long n = 0; n < count; ++n) sum += load(rows + n * width + i, left);
    store(sums + i, sum, left);
  }
}

}  // namespace
}  // namespace freedive
