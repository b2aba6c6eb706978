// Dense layers in a row answer a few rows in one call, made by Python itself: XLA's dispatch takes longer than that.

#include "finite.h"
#include "parallel.h"

// Writes y (rows, the last width) for x (rows, depth), and says whether x is finite; where not, nothing is written. For
// each layer `weights` has the kernel's rows and then the bias.
extern "C" bool freedive_few(const float* x, long rows, long depth, long layers, const long* widths,
                             const long* activations, const float* weights, float* y) {
  using namespace freedive;
  if (!all_finite(x, rows * depth)) return false;
  Memory between[2];
  for (long i = 0; i < layers; ++i) {
    Memory& into = between[i % 2];
    into.resize(rows * widths[i]);
    Dense d = {};
    d.rows = rows, d.depth = depth, d.width = widths[i], d.relu = activations[i] == kRelu;
    d.x = x, d.panels = weights, d.bias = weights + depth * d.width;
    d.found = i + 1 < layers ? into.data() : y;
    loops().dense_few(d);
    loops().activate(activations[i], d.found, rows, d.width);
    x = d.found, depth = d.width, weights = d.bias + d.width;
  }
  return true;
}
