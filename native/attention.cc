// Attention: y = softmax(scale q k^T) v, for the heads of some pictures, sentences, ... Scores live in the processor's
// caches, some queries at a time, forward and back; of the forward pass only the logarithm of each softmax's sum is kept.
//
// Compiled once for each set of instructions (-DLOOPS=..., -DWIDTH=floats in a register).

#include "loops.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "memory.h"
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

// Asks for what the next head reads of one step: its rows lie so far apart that the processor does not guess them.
void ask_for(const Head& next, long t, bool back) {
  constexpr long kLine = 16;  // floats
  const Attention& a = next.a;
  const auto ask = [](const float* from, long count) {
    for (long i = 0; i < count; i += kLine) __builtin_prefetch(from + i, 0, 2);
  };
  ask(a.query + next.queries() + t * next.q_step(), a.size);
  if (back) ask(a.by_y + next.answers() + t * next.v_step(), a.width);
  if (t >= a.steps) return;
  ask(a.key + next.keys() + t * next.q_step(), a.size);
  ask(a.value + next.values() + t * next.v_step(), a.width);
}

// Where the heads of a processor are worked on, one after the other.
struct Room {
  long wide, some;  // numbers of a row of scores, rows at a time
  Memory keys, values, keys_across, scores, parts, by_scores, queries, by_answers;

  Room(const Attention& a, bool back)
      : wide(filled(a.steps)), some(queries_at_once(a.time, wide)), keys(wide * a.size),
        values(back ? wide * a.width : filled(a.width) * a.steps), keys_across(back ? filled(a.size) * a.steps : 0),
        scores(some * wide), parts(some), by_scores(back ? some * wide : 0),
        queries(back ? filled(a.size) * some : 0), by_answers(back ? filled(a.width) * some : 0) {}
};

// The keys as columns, times the scale.
void pack_keys(const Head& h, Room& room) {
  const Attention& a = h.a;
  pack(a.key + h.keys(), a.size, a.steps, 1, h.q_step(), room.keys.data());
  for (float& number : room.keys) number *= a.scale;
}

// scores = scale q k^T; what is not to be seen, and what fills up the row, is minus infinity.
void scores_of(const Head& h, long t, long rows, Room& room) {
  const Attention& a = h.a;
  product({a.query + h.queries() + t * h.q_step(), h.q_step(), 1}, room.keys.data(), rows, a.size, a.steps,
          room.scores.data(), room.wide);
  for (long row = 0; row < rows; ++row) {
    float* s = room.scores.data() + row * room.wide;
    if (const bool* seen = h.mask(t + row))
      for (long i = 0; i < a.steps; ++i) s[i] = seen[i * a.mask_step[3]] ? s[i] : -kInfinity;
    std::fill(s + a.steps, s + room.wide, -kInfinity);
  }
}

// The softmax of a row of scores: its numbers are `part` times what the row becomes; `norm` is the logarithm of the sum,
// infinite where nothing is seen.
struct Softmax {
  float part, norm;
};

Softmax softmax(float* s, long wide) {
  Floats most = all(-kInfinity);
  for (long i = 0; i < wide; i += kWidth) {
    const Floats x = load(s + i);
    most = x > most ? x : most;
  }
  const float top = folded(most, [](auto a, auto b) { return a > b ? a : b; });
  if (top == -kInfinity) {  // nothing is seen, unless it is not a number
    bool sound = true;
    for (long i = 0; i < wide; ++i) sound &= s[i] == s[i];
    std::fill(s, s + wide, sound ? 0.0f : top - top);
    return {1.0f, sound ? kInfinity : top - top};
  }
  Floats sums = {};
  for (long i = 0; i < wide; i += kWidth) {
    const Floats e = exp_below(load(s + i) - top);
    store(s + i, e);
    sums += e;
  }
  const float sum = sum_of(sums);
  return {1.0f / sum, top + std::log(sum)};
}

inline float dot(const float* a, const float* b, long width) {
  Floats products = {};
  for (long i = 0; i < width; i += kWidth) products += load(a + i, width - i) * load(b + i, width - i);
  return sum_of(products);
}

void forward(const Head& h, const Head* next, Room& room) {
  const Attention& a = h.a;
  pack_keys(h, room);
  pack(a.value + h.values(), a.steps, a.width, h.v_step(), 1, room.values.data());
  for (long t = 0; t < a.time; t += room.some) {
    const long rows = std::min(room.some, a.time - t);
    float *scores = room.scores.data(), *y = a.y + h.answers() + t * h.v_step();
    scores_of(h, t, rows, room);
    for (long row = 0; row < rows; ++row) {
      float* s = scores + row * room.wide;
      if (next) ask_for(*next, t + row, false);
      const Softmax found = softmax(s, room.wide);
      a.norm[h.sums() + t + row] = found.norm, room.parts[row] = found.part;
      if (const float* keep = h.keep(t + row))
        for (long i = 0; i < a.steps; ++i) s[i] *= keep[i];
    }
    product({scores, room.wide, 1}, room.values.data(), rows, a.steps, a.width, y, h.v_step());
    for (long row = 0; row < rows; ++row)
      for (long i = 0; i < a.width; ++i) y[row * h.v_step() + i] *= room.parts[row];
  }
}

// With p the softmax: by_v = p^T by_y, by_p = by_y v^T, by_s = p (by_p - by_y . y), by_q = scale by_s k, by_k = scale
// by_s^T q. A row of scores becomes that of p, and by_p's becomes scale by_s.
void row_back(const Head& h, long t, float* s, float* by) {
  const Attention& a = h.a;
  const float *keep = h.keep(t), norm = a.norm[h.sums() + t];
  const long at = h.answers() + t * h.v_step();
  const float level = dot(a.by_y + at, a.y + at, a.width);
  for (long i = 0; i < a.steps; i += kWidth) {
    const long count = a.steps - i;
    const Floats p = exp_below(load(s + i) - norm), factor = keep ? load(keep + i, count) : all(1.0f);
    store(s + i, p * factor);
    store(by + i, a.scale * p * (load(by + i) * factor - level));
  }
}

void backward(const Head& h, const Head* next, Room& room) {
  const Attention& a = h.a;
  const long q_step = h.q_step(), v_step = h.v_step(), step = room.wide;
  float *p = room.scores.data(), *by_s = room.by_scores.data();
  pack_keys(h, room);
  pack(a.key + h.keys(), a.steps, a.size, q_step, 1, room.keys_across.data());
  pack(a.value + h.values(), a.width, a.steps, 1, v_step, room.values.data());
  for (long t = 0; t < a.time; t += room.some) {
    const long rows = std::min(room.some, a.time - t), q = h.queries() + t * q_step, y = h.answers() + t * v_step;
    scores_of(h, t, rows, room);
    product({a.by_y + y, v_step, 1}, room.values.data(), rows, a.width, a.steps, by_s, step);
    for (long row = 0; row < rows; ++row) {
      if (next) ask_for(*next, t + row, true);
      row_back(h, t + row, p + row * step, by_s + row * step);
    }
    product({by_s, step, 1}, room.keys_across.data(), rows, a.steps, a.size, a.by_query + q, q_step);
    pack(a.query + q, rows, a.size, q_step, 1, room.queries.data());
    product({by_s, 1, step}, room.queries.data(), a.steps, rows, a.size, a.by_key + h.keys(), q_step, t > 0);
    pack(a.by_y + y, rows, a.width, v_step, 1, room.by_answers.data());
    product({p, 1, step}, room.by_answers.data(), a.steps, rows, a.width, a.by_value + h.values(), v_step, t > 0);
  }
}

template <typename Work>
void each_head(const Attention& a, long first, long last, bool back, Work work) {
  Room room(a, back);
  for (long i = first; i < last; ++i) {
    const Head next = {a, (i + 1) / a.heads, (i + 1) % a.heads};
    work({a, i / a.heads, i % a.heads}, i + 1 < last ? &next : nullptr, room);
  }
}

}  // namespace

namespace LOOPS {

void attention(const Attention& a, long first, long last) {
  each_head(a, first, last, false, forward);
}

void attention_back(const Attention& a, long first, long last) {
  each_head(a, first, last, true, backward);
}

}  // namespace LOOPS
}  // namespace freedive
