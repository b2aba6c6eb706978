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
    Product p = {};
    p.rows = rows, p.depth = depth, p.width = p.apart = widths[i], p.relu = activations[i] == kRelu;
    p.left = {x, depth, 1}, p.right = {weights, p.width, 1}, p.bias = weights + depth * p.width;
    p.found = i + 1 < layers ? into.data() : y;
    loops().dense_few(p);
    loops().activate(activations[i], p.found, rows, p.width);
    x = p.found, depth = p.width, weights = p.bias + p.width;
  }
  return true;
}
