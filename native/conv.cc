// Convolution, and its gradient by the kernel, some lines of a picture at a time. Nothing is laid out: a row of the left
// factor is what a window sees, where it lies in the picture; for the gradient it is what a tap sees at all places.
//
// Compiled once for each set of instructions (-DLOOPS=..., -DWIDTH=floats in a register).

#include "loops.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "products.h"

#include "rows.h"

namespace freedive {
namespace {

constexpr long kPanel = 1L << 15;  // floats of a panel that stay in the second cache while all lines pass

// The k from `first` to `last` at which start + k * step lies in 0 .. size - 1.
struct Span {
  long first, last;
  Span(long start, long step, long size, long from, long to)
      : first(std::max(from, above(-start, step))), last(std::min(to, above(size - start, step))) {}
  long count() const { return std::max(0L, last - first); }

 private:
  static long above(long a, long b) { return a > 0 ? (a + b - 1) / b : -(-a / b); }
};

// What a line of taps sees: all of it side by side, unless the taps are dilated.
struct Sight {
  long runs, floats, apart;
  explicit Sight(const Convolution& c)
      : runs(c.dilation[1] == 1 ? 1 : c.taps[1]), floats(c.dilation[1] == 1 ? c.taps[1] * c.channels : c.channels),
        apart(c.dilation[1] * c.channels) {}
};

// Some lines of y, and of x what their windows see; where windows look over its ends, it is copied between zeros.
class Band {
 public:
  explicit Band(const Convolution& c) : c(c), left(std::max(0L, c.before[1])) {
    const long end = (c.places[1] - 1) * c.stride[1] - c.before[1] + (c.taps[1] - 1) * c.dilation[1] + 1;
    const long over = left + std::max(0L, end - c.size[1]);
    copied = over > 0, line = (c.size[1] + over) * c.channels;
  }

  void read(long unit) {
    const long part = unit % c.bands, own = c.size[1] * c.channels;
    picture = unit / c.bands;
    first = c.places[0] * part / c.bands, last = c.places[0] * (part + 1) / c.bands;
    top = std::min(std::max(0L, line_of(first)), c.size[0]);
    const long end = std::min(line_of(last - 1) + (c.taps[0] - 1) * c.dilation[0] + 1, c.size[0]);
    start = c.x + (picture * c.size[0] + top) * own;
    if (!copied) return;
    if (long(lines.size()) < (end - top) * line) lines.assign((end - top) * line, 0.0f);
    for (long h = top; h < end; ++h, start += own)
      std::memcpy(lines.data() + (h - top) * line + left * c.channels, start, own * sizeof(float));
    start = lines.data();
  }

  // The line of x that the first tap sees from a line of y, and where its first column lies.
  long line_of(long place) const { return place * c.stride[0] - c.before[0]; }
  const float* at(long h) const { return start + (h - top) * line + (left - c.before[1]) * c.channels; }

  long picture, first, last;  // of y
  long line;                  // floats from line to line of x

 private:
  const Convolution& c;
  long left, top;
  bool copied;
  const float* start;
  Memory lines;
};

}  // namespace

namespace LOOPS {

void conv(const Convolution& c, long first_unit, long last_unit) {
  const Sight sight(c);
  const long depth = sight.runs * sight.floats, columns = c.narrow ? 1 : kColumns;
  const long some = std::max(1L, kPanel / std::max(1L, depth * columns));  // lines of taps
  Band band(c);
  std::vector<long> runs;
  for (long i = 0; i < std::min(some, c.taps[0]); ++i)
    for (long j = 0; j < sight.runs; ++j) runs.push_back(i * c.dilation[0] * band.line + j * sight.apart);
  for (long unit = first_unit; unit < last_unit; ++unit) {
    band.read(unit);
    for (long filter = 0; filter < c.filters; filter += columns)
      for (long i = 0; i == 0 || i < c.taps[0]; i += some)  // where there are no taps, y is zero
        for (long place = band.first; place < band.last; ++place) {
          const long h = band.line_of(place), step = c.step[1] * c.filters;
          const Span taps(h, c.dilation[0], c.size[0], i, std::min(i + some, c.taps[0]));
          const Left seen = {band.at(h + taps.first * c.dilation[0]), c.stride[1] * c.channels, 1, runs.data(),
                             taps.count() * sight.runs};
          const float* panel = c.panels + (filter * c.taps[0] + taps.first * columns) * depth;
          const long line = band.picture * c.found_size[0] + c.first[0] + place * c.step[0];
          const long at = (line * c.found_size[1] + c.first[1]) * c.filters + filter;
          const long width = std::min(columns, c.filters - filter);
          if (c.narrow) dots(seen, panel, c.places[1], sight.floats, c.found + at, step, i > 0);
          else product(seen, panel, c.places[1], sight.floats, width, c.found + at, step, i > 0);
          const Ending ending = {c.bias ? c.bias + filter : nullptr, c.relu, nullptr};
          if (i + some >= c.taps[0] && ending.any())
            finish(ending, c.found + at, step, c.places[1], width, c.found + at, step);
        }
  }
}

void conv_by_kernel(const Convolution& c, long first_unit, long last_unit, float* found) {
  const Sight sight(c);
  Band band(c);
  Memory panels;
  std::vector<long> runs;
  for (long place = 0; place < c.places[0]; ++place) runs.push_back(place * c.stride[0] * band.line);
  for (long unit = first_unit; unit < last_unit; ++unit) {
    band.read(unit);
    const long places = (band.last - band.first) * c.places[1];
    const float* y = c.y + (band.picture * c.places[0] + band.first) * c.places[1] * c.filters;
    if (c.ones) add_rows(y, c.filters, places, c.filters, found + c.taps[0] * c.taps[1] * c.channels * c.filters);
    panels.resize(std::max<long>(panels.size(), filled(c.filters) * places));
    pack(y, places, c.filters, c.filters, 1, panels.data());
    for (long filter = 0; filter < c.filters; filter += kColumns)
      for (long i = 0; i < c.taps[0]; ++i) {
        const Span seeing(i * c.dilation[0] - c.before[0], c.stride[0], c.size[0], band.first, band.last);
        const float* line = band.at(band.line_of(seeing.first) + i * c.dilation[0]);
        const float* panel = panels.data() + filter * places + (seeing.first - band.first) * c.places[1] * kColumns;
        for (long j = 0; j < sight.runs; ++j) {
          const Left seen = {line + j * sight.apart, 1, c.stride[1] * c.channels, runs.data(), seeing.count()};
          float* sums = found + (i * c.taps[1] * c.channels + j * sight.floats) * c.filters + filter;
          product(seen, panel, sight.floats, c.places[1], std::min(kColumns, c.filters - filter), sums, c.filters, true);
        }
      }
  }
}

}  // namespace LOOPS
}  // namespace freedive
