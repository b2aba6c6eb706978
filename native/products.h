// Products of matrices from the processor's caches: the right factor lies in panels of kColumns columns, row after row,
// filled up with zeros. Compiled once for each set of instructions (-DLOOPS=..., -DWIDTH=floats in a register).
#pragma once

#include <algorithm>
#include <cstring>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace freedive {
namespace {

typedef float Floats __attribute__((vector_size(WIDTH * 4)));
typedef int Ints __attribute__((vector_size(WIDTH * 4)));
constexpr long kWidth = WIDTH, kColumns = 2 * WIDTH;

// Some numbers of a register: the first ones, the others are zero or left alone.
#if defined(__AVX512F__)
inline Floats load_some(const float* from, long count) { return (Floats)_mm512_maskz_loadu_ps((1u << count) - 1, from); }
inline void store_some(float* to, Floats x, long count) { _mm512_mask_storeu_ps(to, (1u << count) - 1, (__m512)x); }
#elif defined(__AVX2__)
constexpr int kFirst[] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};
inline __m256i first(long count) { return _mm256_loadu_si256((const __m256i*)(kFirst + 8 - count)); }
inline Floats load_some(const float* from, long count) { return (Floats)_mm256_maskload_ps(from, first(count)); }
inline void store_some(float* to, Floats x, long count) { _mm256_maskstore_ps(to, first(count), (__m256)x); }
#else
inline Floats load_some(const float* from, long count) {
  Floats x = {};
  std::memcpy(&x, from, count * sizeof(float));
  return x;
}
inline void store_some(float* to, Floats x, long count) { std::memcpy(to, &x, count * sizeof(float)); }
#endif

inline Floats load(const float* from, long count = kWidth) {
  if (count < kWidth) return load_some(from, count);
  Floats x;
  std::memcpy(&x, from, sizeof x);
  return x;
}

inline void store(float* to, Floats x, long count = kWidth) {
  if (count >= kWidth) std::memcpy(to, &x, sizeof x);
  else store_some(to, x, count);
}

inline Floats all(float value) { return value - Floats{}; }
inline Floats positive(Floats z) { return z > 0.0f ? z : (z == z ? all(0.0f) : z); }  // not a number stays so
inline Floats where(Floats let, Floats z) { return let > 0.0f ? z : all(0.0f); }

inline long filled(long width) { return (width + kColumns - 1) / kColumns * kColumns; }

}  // namespace

namespace LOOPS {

// A left factor: element (row, k) is at[row * row_stride + k * depth_stride]. Its depth may consist of several runs as
// long as one another, each of them `runs[i]` further on: so a window on a picture is a row, where it lies.
constexpr long kHere[] = {0};
struct Left {
  const float* at;
  long row_stride, depth_stride;
  const long* runs = kHere;
  long count = 1;
};

// A right factor in panels; or, where its width is whole registers, a matrix that lies as it is.
struct Right {
  const float* at;
  long step, apart;  // from one depth to the next; from panel to panel, 0 if they follow on one another
  Right(const float* panels) : at(panels), step(kColumns), apart(0) {}
  Right(const float* matrix, long row_stride) : at(matrix), step(row_stride), apart(kColumns) {}
};

// What comes after a product.
struct Ending {
  const float* bias = nullptr;  // (width) or null
  bool relu = false;            // cut at zero
  const float* let = nullptr;   // or null: where y would be; only where it is over zero anything passes
  bool any() const { return bias || relu || let; }
};

// Lines of the caches that are asked for while a product is on its way, and needed after it.
struct Ahead {
  const float* at = nullptr;
  const float* let = nullptr;  // or null: as many beside them
  long apart = 0, rows = 0, lines = 0;  // of each row
};

// How a product is written: to what is there already, with an ending, and whether y is far from the caches.
struct Way {
  bool add;
  Ending ending;
  bool far;
  Ahead ahead;
  Way(bool add = false, Ending ending = {}, bool far = false, Ahead ahead = {})
      : add(add), ending(ending), far(far), ahead(ahead) {}
};

// Panels of a matrix (depth, width) whose element (k, n) is matrix[k * depth_stride + n * width_stride].
void pack(const float* matrix, long depth, long width, long depth_stride, long width_stride, float* panels);

// y (rows, width), or what is in it already, = a (rows, depth) times a right factor; a run of a has that depth.
void product(const Left& a, const Right& right, long rows, long depth, long width, float* y, long y_stride,
             const Way& way = {});

// The same for a single column, whose numbers lie side by side as those of a row do (a.depth_stride is one).
void dots(const Left& a, const float* column, long rows, long depth, float* y, long y_stride, bool add);

}  // namespace LOOPS

using LOOPS::Ahead;
using LOOPS::dots;
using LOOPS::Ending;
using LOOPS::Left;
using LOOPS::pack;
using LOOPS::product;
using LOOPS::Right;
using LOOPS::Way;

}  // namespace freedive
