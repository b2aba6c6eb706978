// Convolution and its two transposes, picture by picture: some places at a time are laid out as rows of what the window
// sees there, in the processor's caches, and multiplied. Compiled once for each set of instructions.

#include <algorithm>
#include <cstring>
#include <vector>

#include "loops.h"
#include "products.h"

namespace freedive {
namespace {

constexpr long kTile = 16384;  // floats of rows at a time: 64 KiB

// Calls f(offset in the row of a place, offset in the picture, floats) for every run of numbers that lie side by side.
template <typename Each>
inline void each_run(const Convolution& c, long place, Each each) {
  const long top = place / c.places[1] * c.stride[0] - c.before[0];
  const long left = place % c.places[1] * c.stride[1] - c.before[1];
  const bool together = c.dilation[1] == 1;
  for (long i = 0; i < c.taps[0]; ++i) {
    const long h = top + i * c.dilation[0];
    if (h < 0 || h >= c.size[0]) continue;
    const long row = i * c.taps[1] * c.channels, line = h * c.size[1] * c.channels;
    if (together) {
      const long from = std::max(0L, -left), to = std::min(c.taps[1], c.size[1] - left);
      if (from < to) each(row + from * c.channels, line + (left + from) * c.channels, (to - from) * c.channels);
    } else {
      for (long j = 0; j < c.taps[1]; ++j) {
        const long w = left + j * c.dilation[1];
        if (w >= 0 && w < c.size[1]) each(row + j * c.channels, line + w * c.channels, c.channels);
      }
    }
  }
}

inline void copy(float* to, const float* from, long count) {
  for (; count >= kWidth; count -= kWidth, to += kWidth, from += kWidth) store(to, load(from));
  for (; count > 0; --count) *to++ = *from++;
}

inline void add(float* to, const float* from, long count) {
  for (; count >= kWidth; count -= kWidth, to += kWidth, from += kWidth) store(to, load(to) + load(from));
  for (; count > 0; --count) *to++ += *from++;
}

long tile_of(const Convolution& c) { return std::max(kRows, std::min(256L, kTile / c.depth()) / kRows * kRows); }

bool inside(const Convolution& c) {  // whether no window looks over an edge, so that no row has gaps
  for (int i = 0; i < 2; ++i)
    if (c.before[i] > 0 || (c.places[i] - 1) * c.stride[i] - c.before[i] + (c.taps[i] - 1) * c.dilation[i] >= c.size[i])
      return false;
  return true;
}

void lay_out(const Convolution& c, const float* picture, long first, long count, bool gaps, float* rows) {
  if (gaps) std::memset(rows, 0, count * c.depth() * sizeof(float));
  for (long p = 0; p < count; ++p, rows += c.depth())
    each_run(c, first + p, [&](long at, long from, long floats) { copy(rows + at, picture + from, floats); });
}

}  // namespace

namespace LOOPS {

long panels_size(long depth, long width) { return filled(width) * depth; }

void pack_panels(const float* matrix, long depth, long width, long depth_stride, long width_stride, float* panels) {
  pack(matrix, depth, width, depth_stride, width_stride, panels);
}

void lstm_forward(const Lstm&, long, long);
void lstm_backward(const Lstm&, long, long);
void dense(const Dense&, long, long);
void dense_by_x(const Dense&, long, long);
void dense_by_kernel(const Dense&, long, long, float*);
void attention(const Attention&, long, long);
void attention_back(const Attention&, long, long);

void conv(const Convolution& c, long first_picture, long last_picture) {
  const long depth = c.depth(), places = c.places[0] * c.places[1], tile = tile_of(c);
  const bool gaps = !inside(c);
  std::vector<float> rows(tile * depth);
  for (long n = first_picture; n < last_picture; ++n) {
    const float* picture = c.x + n * c.size[0] * c.size[1] * c.channels;
    for (long first = 0; first < places; first += tile) {
      const long count = std::min(tile, places - first);
      lay_out(c, picture, first, count, gaps, rows.data());
      float* y = c.found + (n * places + first) * c.filters;
      product({rows.data(), depth, 1}, c.panels, count, depth, c.filters, y, c.filters);
    }
  }
}

void conv_by_x(const Convolution& c, long first_picture, long last_picture) {
  const long depth = c.depth(), places = c.places[0] * c.places[1], tile = tile_of(c);
  const long floats = c.size[0] * c.size[1] * c.channels;
  std::vector<float> rows(tile * depth);
  for (long n = first_picture; n < last_picture; ++n) {
    float* picture = c.found + n * floats;
    std::memset(picture, 0, floats * sizeof(float));
    for (long first = 0; first < places; first += tile) {
      const long count = std::min(tile, places - first);
      const float* y = c.y + (n * places + first) * c.filters;
      product({y, c.filters, 1}, c.panels, count, c.filters, depth, rows.data(), depth);
      for (long p = 0; p < count; ++p)
        each_run(c, first + p, [&](long at, long to, long n) { add(picture + to, rows.data() + p * depth + at, n); });
    }
  }
}

void conv_by_kernel(const Convolution& c, long first_picture, long last_picture, float* found) {
  const long depth = c.depth(), places = c.places[0] * c.places[1], tile = tile_of(c);
  const bool gaps = !inside(c);
  std::vector<float> rows(tile * depth), panels(filled(c.filters) * tile);
  for (long n = first_picture; n < last_picture; ++n) {
    const float* picture = c.x + n * c.size[0] * c.size[1] * c.channels;
    for (long first = 0; first < places; first += tile) {
      const long count = std::min(tile, places - first);
      lay_out(c, picture, first, count, gaps, rows.data());
      pack(c.y + (n * places + first) * c.filters, count, c.filters, c.filters, 1, panels.data());
      product({rows.data(), 1, depth}, panels.data(), depth, count, c.filters, found, c.filters, true);
    }
  }
}

extern const Loops table = {panels_size, pack_panels, lstm_forward, lstm_backward,   conv,      conv_by_x,
                            conv_by_kernel, dense,    dense_by_x,   dense_by_kernel, attention, attention_back};

}  // namespace LOOPS
}  // namespace freedive
