// The doors of the library: XLA calls them with the buffers of a compiled program (its foreign function interface).

#include "parallel.h"

namespace freedive {
namespace {

constexpr long kLeast = 16;  // of a dense layer's rows
constexpr long kBlock = 14;  // rows of registers
constexpr long kTurns = 4;   // parts for each processor, at most: whoever has time takes the next one
constexpr long kPanels = 8, kHigh = 256;  // of a product, or rows, worth a part of their own
constexpr long kFew = 4;     // rows for which a kernel is read once

// A product by as many processors as it is worth: each takes some rows or some columns, and then the next ones.
void shared_product(ffi::ThreadPool& pool, const Product& p) {
  const long panel = loops().panels_size(1, 1), panels = (p.width + panel - 1) / panel;
  const long processors = parts_of(pool, p.rows * p.depth * p.width, kWork);
  const bool by_columns = panels >= processors && p.rows < kBlock * panels;
  const long all = by_columns ? panels : p.rows, least = by_columns ? kPanels : kHigh;
  const long most = processors == 1 ? 1 : std::max(processors, all / least / processors * processors);
  in_parallel(pool, all, std::min({most, kTurns * processors, std::max(1L, by_columns ? all : all / kLeast)}),
              [&](long, long first, long last) {
                loops().dense(by_columns ? p.of_columns(first * panel, std::min(p.width, last * panel))
                                         : p.of_rows(first, last));
              });
}

ffi::Error dense(ffi::ThreadPool pool, Array x, Array kernel, Array bias, Array let, Result y, bool relu) {
  const auto sizes = kernel.dimensions();
  if (!have_axes(2, x, kernel)) return unfit("dense");
  const long rows = x.dimensions()[0];
  if (!(has(x, {rows, sizes[0]}) && has_or_none(bias, {sizes[1]}) && has_or_none(let, {rows, sizes[1]}) &&
        has(*y, {rows, sizes[1]})))
    return unfit("dense");
  Product p = {rows, sizes[0], sizes[1], {x.typed_data(), sizes[0], 1},
               {kernel.typed_data(), sizes[1], 1}, y->typed_data(), sizes[1]};
  p.bias = given(bias), p.relu = relu, p.let = given(let);
  if (p.rows <= kFew) loops().dense_few(p);
  else shared_product(pool, p);
  return ffi::Error::Success();
}

ffi::Error dense_by_x(ffi::ThreadPool pool, Array y, Array kernel, Array let, Result x) {
  const auto sizes = kernel.dimensions();
  if (!have_axes(2, y, kernel)) return unfit("dense_by_x");
  const long rows = y.dimensions()[0];
  if (!(has(y, {rows, sizes[1]}) && has_or_none(let, {rows, sizes[1]}) && has(*x, {rows, sizes[0]})))
    return unfit("dense_by_x");
  shared_product(pool, {rows, sizes[1], sizes[0], {y.typed_data(), sizes[1], 1, given(let)},
                        {kernel.typed_data(), 1, sizes[1]}, x->typed_data(), sizes[0]});
  return ffi::Error::Success();
}

ffi::Error dense_by_kernel(ffi::ThreadPool pool, Array x, Array y, Array let, Result kernel, Result bias, bool ones) {
  if (!have_axes(2, x, y)) return unfit("dense_by_kernel");
  const long rows = x.dimensions()[0], depth = x.dimensions()[1], width = y.dimensions()[1];
  if (!(has(y, {rows, width}) && has_or_none(let, {rows, width}) && has(*kernel, {depth, width}) &&
        (!ones || has(*bias, {width}))))
    return unfit("dense_by_kernel");
  Product p = {depth, rows, width, {x.typed_data(), 1, depth}, {y.typed_data(), width, 1, given(let)},
               kernel->typed_data(), width};
  if (ones) p.sums = bias->typed_data();
  if (rows <= 2 * std::max(depth, width)) return shared_product(pool, p), ffi::Error::Success();
  Memory sums(pool.num_threads() * width);  // every processor's
  if (ones) std::fill(sums.begin(), sums.end(), 0.0f);
  const auto part_of = [&](long number, long first, long last, float* found) {
    Product part = p;
    part.depth = last - first, part.left = p.left.from(0, first), part.right = p.right.from(first, 0);
    part.found = found, part.sums = ones ? sums.data() + number * width : nullptr;
    loops().dense(part);
  };
  const long least = std::max(kLeast, kWork / std::max(1L, depth * width));
  const auto done = summed(pool, rows, least, depth * width, p.found, part_of);
  for (long i = 0; ones && i < width; ++i) {
    p.sums[i] = 0.0f;
    for (long number = 0; number < pool.num_threads(); ++number) p.sums[i] += sums[number * width + i];
  }
  return done;
}

ffi::Error sums(ffi::ThreadPool pool, Array d, Array x, Array shift, Result found) {
  const long width = shift.element_count(), rows = width ? x.element_count() / width : 0, numbers = rows * width;
  if (long(x.element_count()) != numbers || (d.element_count() && long(d.element_count()) != numbers) ||
      long(found->element_count()) != 2 * width)
    return unfit("sums");
  const Sums s = {rows, width, given(d), x.typed_data(), shift.typed_data()};
  return summed(pool, rows, kLeast, 2 * width, found->typed_data(),
                [&](long, long first, long last, float* into) { loops().sums(s, first, last, into); });
}

constexpr long kNumbers = 1L << 15;  // of rows, worth a processor

ffi::Error over_rows(ffi::ThreadPool& pool, const Array& x, const Classes& c, void (*loop)(const Classes&, long, long)) {
  const long rows = x.element_count() / std::max(1L, c.width);
  in_parallel(pool, rows, parts_of(pool, rows, std::max(1L, kNumbers / c.width)),
              [&](long, long first, long last) { loop(c, first, last); });
  return ffi::Error::Success();
}

// Whether rows of x, which are not empty, become as many numbers: rows of the same width, or one of each.
template <typename Found>
bool become(const Array& x, const Found& found, bool rows) {
  const auto sizes = x.dimensions();
  return sizes.size() && sizes.back() && found.element_count() == x.element_count() / (rows ? 1 : sizes.back());
}

ffi::Error softmax(ffi::ThreadPool pool, Array x, Result y) {
  if (!become(x, *y, true)) return unfit("softmax");
  return over_rows(pool, x, {x.dimensions().back(), x.typed_data(), nullptr, y->typed_data(), nullptr},
                   loops().softmax);
}

ffi::Error softmax_back(ffi::ThreadPool pool, Array y, Array by_y, Result by_x) {
  if (!become(y, by_y, true) || !become(y, *by_x, true)) return unfit("softmax_back");
  return over_rows(pool, y, {y.dimensions().back(), by_y.typed_data(), y.typed_data(), by_x->typed_data(), nullptr},
                   loops().softmax_back);
}

ffi::Error class_sums(ffi::ThreadPool pool, Array x, Result sums) {
  if (!become(x, *sums, false)) return unfit("class_sums");
  return over_rows(pool, x, {x.dimensions().back(), x.typed_data(), nullptr, sums->typed_data(), nullptr},
                   loops().class_sums);
}

ffi::Error class_largest(ffi::ThreadPool pool, Array x, ffi::ResultBuffer<ffi::S32> places) {
  if (!become(x, *places, false)) return unfit("class_largest");
  return over_rows(pool, x, {x.dimensions().back(), x.typed_data(), nullptr, nullptr, places->typed_data()},
                   loops().class_largest);
}

Normal described(const Array& x, const Array& factors, float epsilon, bool centred, Result& found) {
  return {x.dimensions().back(), epsilon, centred, x.typed_data(), factors.typed_data(), nullptr, found->typed_data()};
}

ffi::Error normal(ffi::ThreadPool pool, Array x, Array factors, Result y, float epsilon, bool centred) {
  if (!become(x, *y, true) || !has(factors, {2, x.dimensions().back()})) return unfit("normal");
  const Normal n = described(x, factors, epsilon, centred, y);
  const long rows = x.element_count() / std::max(1L, n.width);
  in_parallel(pool, rows, parts_of(pool, rows, std::max(1L, kNumbers / n.width)),
              [&n](long, long first, long last) { loops().normal(n, first, last); });
  return ffi::Error::Success();
}

ffi::Error normal_back(ffi::ThreadPool pool, Array x, Array factors, Array by_y, Result by_x, Result by_factors,
                       float epsilon, bool centred) {
  if (!become(x, by_y, true) || !become(x, *by_x, true) || !has(factors, {2, x.dimensions().back()}) ||
      !has(*by_factors, {2, x.dimensions().back()}))
    return unfit("normal_back");
  Normal n = described(x, factors, epsilon, centred, by_x);
  n.by = by_y.typed_data();
  return summed(pool, x.element_count() / std::max(1L, n.width), std::max(1L, kNumbers / n.width), 2 * n.width,
                by_factors->typed_data(),
                [&n](long, long first, long last, float* found) { loops().normal_back(n, first, last, found); });
}

constexpr long kSteps = 1L << 17, kFewSteps = 1L << 14;  // weights, worth waking a processor, and one that is awake

// numbers (arrays, 5); for each array its gradient, itself and its two means; the last three anew.
ffi::Error adam(ffi::ThreadPool pool, Array numbers, ffi::RemainingArgs given, ffi::RemainingRets found) {
  const long count = given.size() / 4;
  if (!has(numbers, {count, 5}) || long(given.size()) != 4 * count || long(found.size()) != 3 * count) return unfit("adam");
  std::vector<Adam> all(count);
  std::vector<long> ends(count);
  long total = 0;
  for (long i = 0; i < count; ++i) {
    std::memcpy(&all[i].numbers, numbers.typed_data() + 5 * i, sizeof all[i].numbers);
    const float** old[] = {&all[i].g, &all[i].p, &all[i].m, &all[i].v};
    float** made[] = {&all[i].new_p, &all[i].new_m, &all[i].new_v};
    long size = 0;
    for (long j = 0; j < 4; ++j) {
      const auto array = given.get<Array>(4 * i + j);
      if (!array.has_value()) return array.error();
      *old[j] = array->typed_data();
      if (j == 0) ends[i] = total += size = array->element_count();
      if (long(array->element_count()) != size) return unfit("adam");
    }
    for (long j = 0; j < 3; ++j) {
      auto array = found.get<Array>(3 * i + j);
      if (!array.has_value()) return array.error();
      if (long((*array)->element_count()) != size) return unfit("adam");
      *made[j] = (*array)->typed_data();
    }
  }
  const long parts = parts_of(pool, total, awake() ? kFewSteps : kSteps);
  in_parallel(pool, total, parts > 1 ? kTurns * parts : 1, [&](long, long first, long last) {
    for (long i = 0, begin = 0; i < count; begin = ends[i++])
      if (first < ends[i] && last > begin)
        loops().adam(all[i], std::max(first, begin) - begin, std::min(last, ends[i]) - begin);
  });
  return ffi::Error::Success();
}

// Whether what heads are given and give is as large as the queries (batch, time, heads, size) and values say.
bool attend(const Array& query, const Array& key, const Array& value, const Mask& mask, const Array& keep,
            const Array& y, const Array& norm) {
  if (!have_axes(4, query, value)) return false;
  const auto q = query.dimensions(), v = value.dimensions();
  const long batch = q[0], time = q[1], heads = q[2], steps = v[1], scores[] = {batch, heads, time, steps};
  bool seen = !mask.element_count() || have_axes(4, mask);
  for (int i = 0; seen && mask.element_count() && i < 4; ++i)
    seen = mask.dimensions()[i] == 1 || mask.dimensions()[i] == scores[i];
  return seen && has(key, {batch, steps, heads, q[3]}) && has(value, {batch, steps, heads, v[3]}) &&
         has_or_none(keep, {batch, heads, time, steps}) && has(y, {batch, time, heads, v[3]}) &&
         has(norm, {batch, heads, time});
}

Attention described(const Array& query, const Array& key, const Array& value, const Mask& mask, const Array& keep,
                    float scale) {
  const auto q = query.dimensions(), v = value.dimensions();
  Attention a = {};
  a.batch = q[0], a.time = q[1], a.heads = q[2], a.size = q[3], a.steps = v[1], a.width = v[3], a.scale = scale;
  a.query = query.typed_data(), a.key = key.typed_data(), a.value = value.typed_data();
  a.keep = given(keep);
  a.mask = mask.element_count() ? mask.typed_data() : nullptr;
  if (a.mask) {  // an axis of one goes for all
    long step = 1;
    for (int axis = 3; axis >= 0; step *= mask.dimensions()[axis--])
      a.mask_step[axis] = mask.dimensions()[axis] == 1 ? 0 : step;
  }
  return a;
}

ffi::Error attention(ffi::ThreadPool pool, Array query, Array key, Array value, Mask mask, Array keep, Result y,
                     Result norm, float scale) {
  if (!attend(query, key, value, mask, keep, *y, *norm)) return unfit("attention");
  Attention a = described(query, key, value, mask, keep, scale);
  a.y = y->typed_data(), a.norm = norm->typed_data();
  in_parallel(pool, a.batch * a.heads, parts_of(pool, a.batch * a.heads, 1),
              [&a](long, long first, long last) { loops().attention(a, first, last); });
  return ffi::Error::Success();
}

ffi::Error attention_back(ffi::ThreadPool pool, Array query, Array key, Array value, Mask mask, Array keep, Array y,
                          Array norm, Array by_y, Result by_query, Result by_key, Result by_value, float scale) {
  if (!(attend(query, key, value, mask, keep, y, norm) && same(by_y, y) && same(*by_query, query) &&
        same(*by_key, key) && same(*by_value, value)))
    return unfit("attention_back");
  Attention a = described(query, key, value, mask, keep, scale);
  a.y = const_cast<float*>(y.typed_data()), a.norm = const_cast<float*>(norm.typed_data());
  a.by_y = by_y.typed_data(), a.by_query = by_query->typed_data();
  a.by_key = by_key->typed_data(), a.by_value = by_value->typed_data();
  in_parallel(pool, a.batch * a.heads, parts_of(pool, a.batch * a.heads, 1),
              [&a](long, long first, long last) { loops().attention_back(a, first, last); });
  return ffi::Error::Success();
}

}  // namespace
}  // namespace freedive

XLA_FFI_DEFINE_HANDLER_SYMBOL(freedive_sums, freedive::sums,
                              ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().Arg<Array>().Arg<Array>().Arg<Array>().Ret<Array>());

XLA_FFI_DEFINE_HANDLER_SYMBOL(freedive_adam, freedive::adam,
                              ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().Arg<Array>().RemainingArgs().RemainingRets());

XLA_FFI_DEFINE_HANDLER_SYMBOL(freedive_softmax, freedive::softmax,
                              ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().Arg<Array>().Ret<Array>());

XLA_FFI_DEFINE_HANDLER_SYMBOL(freedive_softmax_back, freedive::softmax_back,
                              ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().Arg<Array>().Arg<Array>().Ret<Array>());

XLA_FFI_DEFINE_HANDLER_SYMBOL(freedive_class_sums, freedive::class_sums,
                              ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().Arg<Array>().Ret<Array>());

XLA_FFI_DEFINE_HANDLER_SYMBOL(freedive_class_largest, freedive::class_largest,
                              ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().Arg<Array>().Ret<ffi::Buffer<ffi::S32>>());

XLA_FFI_DEFINE_HANDLER_SYMBOL(freedive_normal, freedive::normal,
                              ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().Arg<Array>().Arg<Array>().Ret<Array>()
                                  .Attr<float>("epsilon").Attr<bool>("centred"));

XLA_FFI_DEFINE_HANDLER_SYMBOL(freedive_normal_back, freedive::normal_back,
                              ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().Arg<Array>().Arg<Array>().Arg<Array>()
                                  .Ret<Array>().Ret<Array>().Attr<float>("epsilon").Attr<bool>("centred"));

XLA_FFI_DEFINE_HANDLER_SYMBOL(freedive_attention, freedive::attention,
                              ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().Arg<Array>().Arg<Array>().Arg<Array>().Arg<Mask>()
                                  .Arg<Array>().Ret<Array>().Ret<Array>().Attr<float>("scale"));

XLA_FFI_DEFINE_HANDLER_SYMBOL(freedive_attention_back, freedive::attention_back,
                              ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().Arg<Array>().Arg<Array>().Arg<Array>().Arg<Mask>()
                                  .Arg<Array>().Arg<Array>().Arg<Array>().Arg<Array>()
                                  .Ret<Array>().Ret<Array>().Ret<Array>().Attr<float>("scale"));

XLA_FFI_DEFINE_HANDLER_SYMBOL(freedive_dense, freedive::dense,
                              ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().Arg<Array>().Arg<Array>().Arg<Array>().Arg<Array>()
                                  .Ret<Array>().Attr<bool>("relu"));

XLA_FFI_DEFINE_HANDLER_SYMBOL(freedive_dense_by_x, freedive::dense_by_x,
                              ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().Arg<Array>().Arg<Array>().Arg<Array>().Ret<Array>());

XLA_FFI_DEFINE_HANDLER_SYMBOL(freedive_dense_by_kernel, freedive::dense_by_kernel,
                              ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().Arg<Array>().Arg<Array>().Arg<Array>().Ret<Array>()
                                  .Ret<Array>().Attr<bool>("ones"));

// Which sources the library was built from: Python compares it with those that are there.
extern "C" const char* freedive_sources() { return SOURCES; }
