// The doors to convolution and its two transposes. All of them are one loop: x from y is a convolution of y by the kernel
// turned round, or several where windows move by more than one place, and each finds every so manieth place of x.

#include <numeric>
#include <vector>

#include "parallel.h"

namespace freedive {

using Geometry = ffi::Span<const int64_t>;  // taps, strides, zeros before, dilations

namespace {

constexpr long kBand = 1L << 13;  // floats of a picture that are worked on at a time

// A convolution, and which taps of the kernel its window has, in the window's order.
struct Pass {
  Convolution c;
  std::vector<long> taps;
};

long bands_of(const Convolution& c) {
  const long lines = std::max(1L, kBand / std::max(1L, c.size[1] * c.channels * c.stride[0]));
  return std::max(1L, (c.places[0] + lines - 1) / lines);
}

// Whether a convolution's kernel, with so many rows more, is as large as pictures x and y and its geometry say.
bool convolves(const Array& x, const Array& y, const Array& kernel, const Geometry& geometry, long more) {
  if (!have_axes(4, x, y) || geometry.size() != 8 || x.dimensions()[0] != y.dimensions()[0]) return false;
  const long depth = geometry[0] * geometry[1] * x.dimensions()[3], filters = y.dimensions()[3];
  const bool moves = geometry[2] > 0 && geometry[3] > 0 && geometry[6] > 0 && geometry[7] > 0;
  return moves && geometry[0] >= 0 && geometry[1] >= 0 && has(kernel, {depth + more, filters});
}

Convolution described(const ffi::AnyBuffer::Dimensions& x, const ffi::AnyBuffer::Dimensions& y,
                      Geometry geometry) {
  Convolution c = {};
  c.pictures = x[0], c.channels = x[3], c.filters = y[3];
  for (int i = 0; i < 2; ++i) {
    c.size[i] = x[i + 1], c.places[i] = c.found_size[i] = y[i + 1], c.taps[i] = geometry[i];
    c.stride[i] = geometry[2 + i], c.before[i] = geometry[4 + i], c.dilation[i] = geometry[6 + i];
    c.step[i] = 1;
  }
  c.bands = bands_of(c);
  return c;
}

// x from y: places of x that are a stride apart are seen by the same taps, at neighbouring places of y. With h = place *
// stride + first, tap t saw h from (h + before - t * dilation) / stride, where that is a whole number.
Pass backwards(const Convolution& c, const long (&first)[2]) {
  Pass pass = {};
  Convolution& t = pass.c;
  std::vector<long> taps[2];
  t.pictures = c.pictures, t.channels = c.filters, t.filters = c.channels, t.x = c.y, t.found = c.found;
  for (int i = 0; i < 2; ++i) {
    const auto seen_from = [&](long tap) { return first[i] + c.before[i] - tap * c.dilation[i]; };
    for (long tap = c.taps[i] - 1; tap >= 0; --tap)
      if (seen_from(tap) % c.stride[i] == 0) taps[i].push_back(tap);
    t.size[i] = c.places[i], t.found_size[i] = c.size[i], t.first[i] = first[i], t.step[i] = c.stride[i];
    t.places[i] = (c.size[i] - first[i] + c.stride[i] - 1) / c.stride[i];
    t.taps[i] = taps[i].size(), t.stride[i] = 1, t.dilation[i] = c.dilation[i] / std::gcd(c.dilation[i], c.stride[i]);
    t.before[i] = taps[i].empty() ? 0 : -seen_from(taps[i][0]) / c.stride[i];
  }
  for (long i : taps[0])
    for (long j : taps[1]) pass.taps.push_back(i * c.taps[1] + j);
  return pass;
}

// The panels of a kernel (taps * channels, filters), or of its transpose: in each panel tap after tap.
Memory panels_of(ffi::ThreadPool& pool, std::vector<Pass>& passes, const float* kernel, bool transposed) {
  struct Job {
    const float* from;
    long width, to;
  };
  std::vector<Job> jobs;
  const Convolution& c = passes[0].c;
  const bool narrow = 8 * c.filters <= loops().panels_size(1, 1) && c.channels > c.filters;
  const long depth = c.channels, width = c.filters, columns = narrow ? 1 : loops().panels_size(1, 1);
  const long down = transposed ? 1 : width, across = transposed ? depth : 1;
  long size = 0;
  for (Pass& pass : passes) {
    pass.c.narrow = narrow;
    for (long first = 0; first < width; first += columns)
      for (long tap : pass.taps) {
        jobs.push_back({kernel + tap * depth * width + first * across, std::min(columns, width - first), size});
        size += columns * depth;
      }
  }
  Memory panels(size);
  in_parallel(pool, jobs.size(), parts_of(pool, jobs.size(), 4), [&](long, long first, long last) {
    for (long i = first; i < last; ++i) {
      float* to = panels.data() + jobs[i].to;
      if (!narrow) loops().pack(jobs[i].from, depth, jobs[i].width, down, across, to);
      else
        for (long k = 0; k < depth; ++k) to[k] = jobs[i].from[k * down];
    }
  });
  const float* at = panels.data();
  for (Pass& pass : passes) {
    pass.c.panels = at;
    at += pass.taps.size() * depth * ((width + columns - 1) / columns) * columns;
  }
  return panels;
}

ffi::Error convolved(ffi::ThreadPool& pool, std::vector<Pass> passes, const float* kernel, bool transposed) {
  const auto panels = panels_of(pool, passes, kernel, transposed);
  const long units = passes[0].c.pictures * passes[0].c.bands;
  in_parallel(pool, units, parts_of(pool, units, 1), [&](long, long first, long last) {
    for (const Pass& pass : passes) loops().conv(pass.c, first, last);
  });
  return ffi::Error::Success();
}

ffi::Error conv(ffi::ThreadPool pool, Array x, Array kernel, Array bias, Result y, bool relu, Geometry geometry) {
  if (!convolves(x, *y, kernel, geometry, 0) || !has_or_none(bias, {y->dimensions()[3]})) return unfit("conv");
  Pass pass = {described(x.dimensions(), y->dimensions(), geometry), {}};
  pass.c.x = x.typed_data(), pass.c.found = y->typed_data(), pass.c.relu = relu;
  pass.c.bias = bias.element_count() ? bias.typed_data() : nullptr;
  for (long tap = 0; tap < pass.c.taps[0] * pass.c.taps[1]; ++tap) pass.taps.push_back(tap);
  return convolved(pool, {pass}, kernel.typed_data(), false);
}

ffi::Error conv_by_x(ffi::ThreadPool pool, Array y, Array kernel, Result x, Geometry geometry) {
  if (!convolves(*x, y, kernel, geometry, 0)) return unfit("conv_by_x");
  Convolution c = described(x->dimensions(), y.dimensions(), geometry);
  c.y = y.typed_data(), c.found = x->typed_data();
  std::vector<Pass> passes;
  for (long i = 0; i < c.stride[0]; ++i)
    for (long j = 0; j < c.stride[1]; ++j) passes.push_back(backwards(c, {i, j}));
  for (Pass& pass : passes) pass.c.bands = bands_of(passes[0].c);
  return convolved(pool, std::move(passes), kernel.typed_data(), true);
}

ffi::Error conv_by_kernel(ffi::ThreadPool pool, Array x, Array y, Result kernel, bool ones, Geometry geometry) {
  if (!convolves(x, y, *kernel, geometry, ones)) return unfit("conv_by_kernel");
  Convolution c = described(x.dimensions(), y.dimensions(), geometry);
  c.x = x.typed_data(), c.y = y.typed_data(), c.ones = ones;
  return summed(pool, c.pictures * c.bands, 1, kernel->element_count(), kernel->typed_data(),
                [&](long, long first, long last, float* found) { loops().conv_by_kernel(c, first, last, found); });
}

}  // namespace
}  // namespace freedive

XLA_FFI_DEFINE_HANDLER_SYMBOL(freedive_conv, freedive::conv,
                              ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().Arg<Array>().Arg<Array>().Arg<Array>().Ret<Array>()
                                  .Attr<bool>("relu").Attr<freedive::Geometry>("geometry"));

XLA_FFI_DEFINE_HANDLER_SYMBOL(freedive_conv_by_x, freedive::conv_by_x,
                              ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().Arg<Array>().Arg<Array>().Ret<Array>()
                                  .Attr<freedive::Geometry>("geometry"));

XLA_FFI_DEFINE_HANDLER_SYMBOL(freedive_conv_by_kernel, freedive::conv_by_kernel,
                              ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().Arg<Array>().Arg<Array>().Ret<Array>()
                                  .Attr<bool>("ones").Attr<freedive::Geometry>("geometry"));
