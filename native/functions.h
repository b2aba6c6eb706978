// Functions of whole registers, after Cephes' expf and tanhf. Included after products.h.
#pragma once

namespace freedive {
namespace {

// exp to 2 units in the last place, from -87 to 88; what is less gives 0, what is more exp(88).
inline Floats exp_of(Floats x) {
  const Floats inside = x > 88.0f ? all(88.0f) : (x < -87.0f ? all(-87.0f) : x);
  const Floats n = (inside * 1.44269504088896341f + 12582912.0f) - 12582912.0f;  // rounded to a whole number
  const Floats r = inside - n * 0.693359375f + n * 2.12194440e-4f;
  Floats e = ((((r * 1.9875691500e-4f + 1.3981999507e-3f) * r + 8.3334519073e-3f) * r + 4.1665795894e-2f) * r +
              1.6666665459e-1f) * r + 5.0000001201e-1f;
  e = e * r * r + r + 1.0f;
  const Ints power = (__builtin_convertvector(n, Ints) + 127) << 23;  // 2^n, written into the bits
  Floats scale;
  std::memcpy(&scale, &power, sizeof scale);
  const Floats found = x < -87.0f ? all(0.0f) : e * scale;
  return x == x ? found : x;  // not a number stays so
}

// tanh to 2 units in the last place: a polynomial near 0, 1 - 2 / (exp(2 |x|) + 1) beyond.
inline Floats tanh_of(Floats x) {
  const Floats size = x < 0 ? -x : x;
  const Floats s = x * x;
  const Floats low =
      ((((s * -5.70498872745e-3f + 2.06390887954e-2f) * s - 5.37397155531e-2f) * s + 1.33314422036e-1f) * s -
       3.33332819422e-1f) * s * x + x;
  const Floats high = 1.0f - 2.0f / (exp_of(2 * (size > 9.1f ? all(9.1f) : size)) + 1.0f);
  const Floats found = size < 0.625f ? low : (x < 0 ? -high : high);
  return x == x ? found : x;
}

inline Floats sigmoid(Floats x) { return 0.5f * tanh_of(0.5f * x) + 0.5f; }

}  // namespace
}  // namespace freedive
