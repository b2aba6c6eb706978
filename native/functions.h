// Functions of whole registers. Included after products.h.
#pragma once

namespace freedive {
namespace {

// exp(x) = scale (1 + rest), -88 <= x <= 88: a power of two, and what exp(r) - 1 is of an r within half of ln 2.
struct Power {
  Floats scale, rest;
};

inline Power power_of(Floats x) {
  const Floats shifted = x * 1.44269504088896341f + 12582912.0f;  // its last bits are a whole number
  const Floats n = shifted - 12582912.0f;
  const Floats r = x - n * 0.693359375f + n * 2.12194440e-4f;
  Ints bits;
  std::memcpy(&bits, &shifted, sizeof bits);
  bits = (bits << 23) + 0x3f800000;  // 2^n, as a float is written
  Power found;
  std::memcpy(&found.scale, &bits, sizeof bits);
  // r + r^2 c(r), c fitted to the least largest error
  found.rest = ((((r * 1.388248871e-3f + 8.366691880e-3f) * r + 4.166720435e-2f) * r + 1.666654199e-1f) * r +
                4.999999702e-1f) * (r * r) + r;
  return found;
}

inline Floats within(Floats x, float least, float most) {  // not a number stays so
  return x > most ? all(most) : (x < least ? all(least) : x);
}

// exp to 2 units in the last place, from -87 to 88; what is less gives 0, what is more exp(88).
inline Floats exp_of(Floats x) {
  const Power p = power_of(within(x, -87.0f, 88.0f));
  return x < -87.0f ? all(0.0f) : p.rest * p.scale + p.scale;
}

// The same of what is 0 or less, or hardly more.
inline Floats exp_below(Floats x) {
  const Power p = power_of(x < -87.0f ? all(-87.0f) : x);
  return x < -87.0f ? all(0.0f) : p.rest * p.scale + p.scale;
}

// tanh to 3 units in the last place: with e = exp(2 x) - 1 it is e / (e + 2), near 0 too.
inline Floats tanh_of(Floats x) {
  const Floats inside = within(x, -9.02f, 9.02f);  // beyond it is 1
  const Power p = power_of(inside + inside);
  const Floats e = p.rest * p.scale + (p.scale - 1.0f);
  return e / (e + 2.0f);
}

// Lanes of one register as one number: its halves, and their halves.
template <long lanes>
struct Part {
  typedef float Of __attribute__((vector_size(lanes * 4)));
};

template <long lanes = kWidth, typename Two>
inline float folded(typename Part<lanes>::Of x, Two two) {
  if constexpr (lanes == 4) return two(two(x[0], x[2]), two(x[1], x[3]));
  else {
    typename Part<lanes / 2>::Of low, high;
    std::memcpy(&low, &x, sizeof low);
    std::memcpy(&high, reinterpret_cast<const char*>(&x) + sizeof low, sizeof high);
    return folded<lanes / 2>(two(low, high), two);
  }
}

inline float sum_of(Floats x) { return folded(x, [](auto a, auto b) { return a + b; }); }

// 1 / (1 + exp(-x)) to 3 units in the last place.
inline Floats sigmoid(Floats x) {
  const Power p = power_of(within(-x, -87.0f, 88.0f));
  return 1.0f / (p.rest * p.scale + (p.scale + 1.0f));
}

}  // namespace
}  // namespace freedive
