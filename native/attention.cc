// Attention: y = softmax(scale q k^T) v, for the heads of some pictures, sentences, ... Scores live in the processor's
// caches, some queries at a time, forward and back; of the forward pass only the logarithm of each softmax's sum is kept.
//
// Compiled once for each set of instructions (-DLOOPS=..., -DWIDTH=floats in a register).

#include "loops.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "products.h"

#include "functions.h"

namespace freedive {
namespace {

constexpr float kInfinity = __builtin_inff();
constexpr long kScores = 1L << 14;  // floats: the scores of some queries, in the second cache

// Of one head of one row: where its arrays begin, and how far their steps are apart.
struct Head {
  const Attention& a;
  long row, head;
  long q_step() const { return a.heads * a.size; }
  long v_step() const { return a.heads * a.width; }
  long queries() const { return (row * a.time * a.heads + head) * a.size; }
  long keys() const { return (row * a.steps * a.heads + head) * a.size; }
  long values() const { return (row * a.steps * a.heads + head) * a.width; }
  long answers() const { return (row * a.time * a.heads + head) * a.width; }
  long sums() const { return (row * a.heads + head) * a.time; }
  const bool* mask(long t) const {
    return a.mask ? a.mask + row * a.mask_step[0] + head * a.mask_step[1] + t * a.mask_step[2] : nullptr;
  }
  const float* keep(long t) const { return a.keep ? a.keep + (sums() + t) * a.steps : nullptr; }
};

long queries_at_once(long time, long wide) { return std::min(time, std::max(8L, kScores / wide / 8 * 8)); }

std::vector<float> panels_of(const float* matrix, long depth, long width, long depth_stride, long width_stride) {
  std::vector<float> panels(filled(width) * depth);
  pack(matrix, depth, width, depth_stride, width_stride, panels.data());
  return panels;
}

// scores = scale q k^T; what is not to be seen, and what fills up the row, is minus infinity.
void scores_of(const Head& h, long t, long rows, const float* keys, float* scores, long wide) {
  const Attention& a = h.a;
  product({a.query + h.queries() + t * h.q_step(), h.q_step(), 1}, keys, rows, a.size, a.steps, scores, wide);
  for (long row = 0; row < rows; ++row) {
    float* s = scores + row * wide;
    for (long i = 0; i < wide; i += kWidth) store(s + i, a.scale * load(s + i));
    if (const bool* seen = h.mask(t + row))
      for (long i = 0; i < a.steps; ++i) s[i] = seen[i * a.mask_step[3]] ? s[i] : -kInfinity;
    std::fill(s + a.steps, s + wide, -kInfinity);
  }
}

// A row of scores becomes its softmax; gives the logarithm of the sum: infinite where nothing is seen.
float softmax(float* s, long wide) {
  Floats most = all(-kInfinity);
  for (long i = 0; i < wide; i += kWidth) {
    const Floats x = load(s + i);
    most = x > most ? x : most;
  }
  const float top = folded(most, [](float a, float b) { return a > b ? a : b; });
  if (top == -kInfinity) {  // nothing is seen, unless it is not a number
    bool sound = true;
    for (long i = 0; i < wide; ++i) sound &= s[i] == s[i];
    std::fill(s, s + wide, sound ? 0.0f : top - top);
    return sound ? kInfinity : top - top;
  }
  Floats sums = {};
  for (long i = 0; i < wide; i += kWidth) {
    const Floats e = exp_of(load(s + i) - top);
    store(s + i, e);
    sums += e;
  }
  const float sum = sum_of(sums), part = 1.0f / sum;
  for (long i = 0; i < wide; i += kWidth) store(s + i, load(s + i) * part);
  return top + std::log(sum);
}

// A row of scores becomes its softmax, whose sum is known.
inline void softmax_again(float* s, long wide, float norm) {
  for (long i = 0; i < wide; i += kWidth) store(s + i, exp_of(load(s + i) - norm));
}

inline void times(float* s, const float* keep, long steps) {
  if (keep)
    for (long i = 0; i < steps; ++i) s[i] *= keep[i];
}

void forward(const Head& h) {
  const Attention& a = h.a;
  const long wide = filled(a.steps), some = queries_at_once(a.time, wide);
  std::vector<float> scores(some * wide);
  const auto keys = panels_of(a.key + h.keys(), a.size, a.steps, 1, h.q_step());
  const auto values = panels_of(a.value + h.values(), a.steps, a.width, h.v_step(), 1);
  for (long t = 0; t < a.time; t += some) {
    const long rows = std::min(some, a.time - t);
    scores_of(h, t, rows, keys.data(), scores.data(), wide);
    for (long row = 0; row < rows; ++row) {
      float* s = scores.data() + row * wide;
      a.norm[h.sums() + t + row] = softmax(s, wide);
      times(s, h.keep(t + row), a.steps);
    }
    product({scores.data(), wide, 1}, values.data(), rows, a.steps, a.width, a.y + h.answers() + t * h.v_step(),
            h.v_step());
  }
}

// With p the softmax: by_v = p^T by_y, by_p = by_y v^T, by_s = p (by_p - by_y . y), by_q = scale by_s k, by_k = scale
// by_s^T q.
void backward(const Head& h) {
  const Attention& a = h.a;
  const long wide = filled(a.steps), some = queries_at_once(a.time, wide);
  std::vector<float> p(some * wide), by_s(some * wide), by_k(a.steps * a.size),
      by_v(a.steps * a.width), rows_of_q(filled(a.size) * some), rows_of_y(filled(a.width) * some);
  const auto keys = panels_of(a.key + h.keys(), a.size, a.steps, 1, h.q_step());
  const auto keys_across = panels_of(a.key + h.keys(), a.steps, a.size, h.q_step(), 1);
  const auto values = panels_of(a.value + h.values(), a.width, a.steps, 1, h.v_step());
  for (long t = 0; t < a.time; t += some) {
    const long rows = std::min(some, a.time - t);
    const float *q = a.query + h.queries() + t * h.q_step(), *by_y = a.by_y + h.answers() + t * h.v_step();
    const float* y = a.y + h.answers() + t * h.v_step();
    scores_of(h, t, rows, keys.data(), p.data(), wide);
    product({by_y, h.v_step(), 1}, values.data(), rows, a.width, a.steps, by_s.data(), wide);
    for (long row = 0; row < rows; ++row) {
      float *s = p.data() + row * wide, *d = by_s.data() + row * wide;
      const float* keep = h.keep(t + row);
      softmax_again(s, wide, a.norm[h.sums() + t + row]);
      times(d, keep, a.steps);
      float dot = 0;
      for (long i = 0; i < a.width; ++i) dot += by_y[row * h.v_step() + i] * y[row * h.v_step() + i];
      for (long i = 0; i < wide; i += kWidth) store(d + i, a.scale * load(s + i) * (load(d + i) - dot));
      times(s, keep, a.steps);
    }
    product({by_s.data(), wide, 1}, keys_across.data(), rows, a.steps, a.size, a.by_query + h.queries() + t * h.q_step(),
            h.q_step());
    pack(q, rows, a.size, h.q_step(), 1, rows_of_q.data());
    product({by_s.data(), 1, wide}, rows_of_q.data(), a.steps, rows, a.size, by_k.data(), a.size, t > 0);
    pack(by_y, rows, a.width, h.v_step(), 1, rows_of_y.data());
    product({p.data(), 1, wide}, rows_of_y.data(), a.steps, rows, a.width, by_v.data(), a.width, t > 0);
  }
  for (long i = 0; i < a.steps; ++i) {
    std::memcpy(a.by_key + h.keys() + i * h.q_step(), by_k.data() + i * a.size, a.size * sizeof(float));
    std::memcpy(a.by_value + h.values() + i * h.v_step(), by_v.data() + i * a.width, a.width * sizeof(float));
  }
}

}  // namespace

namespace LOOPS {

void attention(const Attention& a, long first, long last) {
  for (long i = first; i < last; ++i) forward({a, i / a.heads, i % a.heads});
}

void attention_back(const Attention& a, long first, long last) {
  for (long i = first; i < last; ++i) backward({a, i / a.heads, i % a.heads});
}

}  // namespace LOOPS
}  // namespace freedive
