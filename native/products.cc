// Products of matrices: a block of rows times a panel stays in the processor's registers, whatever its depth.
//
// Compiled once for each set of instructions (-DLOOPS=..., -DWIDTH=floats in a register).

#include "products.h"

#include "loops.h"

#include "rows.h"

namespace freedive {
namespace {

// Rows of a block, by the registers of a row: 32 registers hold them, or the 16 of older processors.
template <long registers>
constexpr long kRows = WIDTH == 16 ? (registers == 2 ? 14 : 12) : (registers == 2 ? 6 : 12);

struct Block {
  const Left& a;
  const float* panel;
  long panel_step, depth;
  float* y;
  long y_stride, columns;
  const Way& way;
};

// The lines of some of the rows. Not a function of its own: GCC leaves out calls of one that only asks for lines.
__attribute__((always_inline)) inline void ask_for(const Ahead& a, long part, long parts) {
  constexpr long kLine = 16;  // floats
  const long last = a.rows * (part + 1) / parts;
  for (long row = a.rows * part / parts; row < last; ++row)
    for (long line = 0, at = row * a.apart; line < a.lines; ++line, at += kLine) {
      __builtin_prefetch(a.at + at, 0, 2);
      if (a.let) __builtin_prefetch(a.let + at, 0, 2);
    }
}

template <long rows, long registers>
__attribute__((noinline)) void multiply(const Block& b, long first) {
  if (b.way.far)
    for (long row = 0; row < rows; ++row)
      for (long i = 0; i < registers; ++i) __builtin_prefetch(b.y + (first + row) * b.y_stride + i * kWidth, 1);
  Floats sums[rows][registers];
#pragma GCC unroll 32
  for (long row = 0; row < rows; ++row)
    for (long i = 0; i < registers; ++i) sums[row][i] = Floats{};
  const float* panel = b.panel;
  const long apart = b.a.row_stride, step = b.a.depth_stride, panel_step = b.panel_step;
  for (long run = 0; run < b.a.count; ++run) {
    const float* at = b.a.at + first * apart + b.a.runs[run];
    for (long k = 0; k < b.depth; ++k, panel += panel_step, at += step) {
      Floats right[registers];
      for (long i = 0; i < registers; ++i) right[i] = load(panel + i * kWidth);
#pragma GCC unroll 32
      for (long row = 0; row < rows; ++row) {
        const float value = at[row * apart];
        for (long i = 0; i < registers; ++i) sums[row][i] += value * right[i];
      }
    }
  }
#pragma GCC unroll 32
  for (long row = 0; row < rows; ++row)
    for (long i = 0; i < registers; ++i) {
      const long count = b.columns - i * kWidth;
      if (count <= 0) break;
      float* to = b.y + (first + row) * b.y_stride + i * kWidth;
      store(to, b.way.add ? sums[row][i] + load(to, count) : sums[row][i], count);
    }
}

// Rows from the first one, no more than a block has: compiled for each number of them.
template <long registers, long most = kRows<registers>>
inline void some(const Block& b, long first, long rows) {
  if (rows == most) return multiply<most, registers>(b, first);
  if constexpr (most > 1) some<registers, most - 1>(b, first, rows);
}

template <long registers>
inline void all_of(const Block& b, long rows) {
  const long parts = (rows + kRows<registers> - 1) / kRows<registers>;
  const Ending& e = b.way.ending;
  for (long part = 0; part < parts; ++part) {
    const long first = rows * part / parts, count = rows * (part + 1) / parts - first;
    if (b.way.ahead.at) ask_for(b.way.ahead, part, parts);
    some<registers>(b, first, count);
    if (e.any()) {
      float* to = b.y + first * b.y_stride;
      finish({e.bias, e.relu, e.let ? e.let + first * b.y_stride : nullptr}, to, b.y_stride, count, b.columns, to, b.y_stride);
    }
  }
}

// A square of registers whose rows lie so far apart, turned round into a panel: at every step the lanes that differ in
// one digit of their place change their rows.
#if defined(__AVX512F__)
constexpr bool kTurns = true;
inline void turn(const float* from, long apart, float* panel) {
  Floats rows[kWidth];
#pragma GCC unroll 16
  for (long i = 0; i < kWidth; ++i) rows[i] = load(from + i * apart);
  const Ints lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
#pragma GCC unroll 4
  for (int digit = 1; digit < kWidth; digit *= 2) {
    const Ints other = (lane & digit) != 0, mine = ~other;
    const Ints low = (lane & mine) | ((lane - digit + int(kWidth)) & other);
    const Ints high = ((lane + digit) & mine) | ((lane + int(kWidth)) & other);
#pragma GCC unroll 16
    for (long i = 0; i < kWidth; ++i)
      if (!(i & digit)) {
        const __m512 a = (__m512)rows[i], b = (__m512)rows[i + digit];
        rows[i] = (Floats)_mm512_permutex2var_ps(a, (__m512i)low, b);
        rows[i + digit] = (Floats)_mm512_permutex2var_ps(a, (__m512i)high, b);
      }
  }
#pragma GCC unroll 16
  for (long i = 0; i < kWidth; ++i) store(panel + i * kColumns, rows[i]);
}
#else
constexpr bool kTurns = false;
inline void turn(const float*, long, float*) {}
#endif

inline float sum_of(Floats x) {
  float lanes[kWidth];
  std::memcpy(lanes, &x, sizeof x);
  for (long half = kWidth / 2; half; half /= 2)
    for (long i = 0; i < half; ++i) lanes[i] += lanes[i + half];
  return lanes[0];
}

// Neighbours in the depth are neighbours in a register: no lane is idle where there are few columns.
template <long rows>
void dot(const Left& a, long first, const float* column, long depth, float* y, long y_stride, bool add) {
  Floats sums[rows] = {};
  for (long run = 0; run < a.count; ++run, column += depth)
    for (long k = 0; k < depth; k += kWidth) {
      const Floats right = load(column + k, depth - k);
      for (long row = 0; row < rows; ++row)
        sums[row] += load(a.at + (first + row) * a.row_stride + a.runs[run] + k, depth - k) * right;
    }
  for (long row = 0; row < rows; ++row) {
    float* to = y + (first + row) * y_stride;
    *to = add ? *to + sum_of(sums[row]) : sum_of(sums[row]);
  }
}

}  // namespace

namespace LOOPS {

void pack(const float* matrix, long depth, long width, long depth_stride, long width_stride, float* panels) {
  for (long first = 0; first < width; first += kColumns, panels += depth * kColumns) {
    const float* from = matrix + first * width_stride;
    const long count = std::min(kColumns, width - first);
    if (width_stride == 1) {
      for (long k = 0; k < depth; ++k, from += depth_stride) {
        store(panels + k * kColumns, load(from, count));
        store(panels + k * kColumns + kWidth, count > kWidth ? load(from + kWidth, count - kWidth) : Floats{});
      }
    } else {  // what lies side by side there is read at once: lines that are far apart drive one another from the caches
      const bool whole = kTurns && depth_stride == 1 && count == kColumns;
      for (long start = 0; start < depth; start += kWidth)
        if (whole && depth - start >= kWidth)
          for (long n = 0; n < kColumns; n += kWidth)
            turn(from + start + n * width_stride, width_stride, panels + start * kColumns + n);
        else
          for (long n = 0; n < kColumns; ++n)
            for (long k = start; k < std::min(depth, start + kWidth); ++k)
              panels[k * kColumns + n] = n < count ? from[k * depth_stride + n * width_stride] : 0.0f;
    }
  }
}

void product(const Left& a, const Right& right, long rows, long depth, long width, float* y, long y_stride,
             const Way& way) {
  const float* panel = right.at;
  const long next = right.apart ? right.apart : kColumns * depth * a.count;
  Way here = way;
  for (long first = 0; first < width; first += kColumns, panel += next) {
    const Block block = {a, panel, right.step, depth, y + first, y_stride, std::min(kColumns, width - first), here};
    if (block.columns <= kWidth) all_of<1>(block, rows);
    else all_of<2>(block, rows);
    if (here.ending.bias) here.ending.bias += kColumns;
    if (here.ending.let) here.ending.let += kColumns;
    here.ahead.at = nullptr;
  }
}

void dots(const Left& a, const float* column, long rows, long depth, float* y, long y_stride, bool add) {
  long row = 0;
  for (; row + 4 <= rows; row += 4) dot<4>(a, row, column, depth, y, y_stride, add);
  for (; row < rows; ++row) dot<1>(a, row, column, depth, y, y_stride, add);
}

long panels_size(long depth, long width) { return filled(width) * depth; }
void lstm_forward(const Recurrence&, long, long);
void lstm_backward(const Recurrence&, long, long, float*);
void simple_forward(const Recurrence&, long, long);
void simple_backward(const Recurrence&, long, long);
void conv(const Convolution&, long, long);
void conv_by_kernel(const Convolution&, long, long, float*);
void dense(const Product&);
void dense_few(const Product&);
void activate(long, float*, long, long);
void attention(const Attention&, long, long);
void attention_back(const Attention&, long, long);
void sums(const Sums&, long, long, float*);
void adam(const Adam&, long, long);
void softmax(const Classes&, long, long);
void softmax_back(const Classes&, long, long);
void class_sums(const Classes&, long, long);
void class_largest(const Classes&, long, long);
void normal(const Normal&, long, long);
void normal_back(const Normal&, long, long, float*);

extern const Loops table = {panels_size,    pack,      lstm_forward, lstm_backward,   simple_forward, simple_backward, conv,
                            conv_by_kernel, dense,     dense_few,    activate,        attention,      attention_back, sums,
                            adam,           softmax,   softmax_back, class_sums,      class_largest,  normal,         normal_back};

}  // namespace LOOPS
}  // namespace freedive
