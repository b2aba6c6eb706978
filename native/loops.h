// What the native loops are given, and where they write. All arrays are float32 and contiguous.
#pragma once

namespace freedive {

// A recurrence over time: an LSTM, of 4 gates, or a simple one, of 1, which has neither cells nor anything to save.
struct Recurrence {
  long time, batch, units, gates;
  bool reverse;
  bool relu;                // of a simple one: not tanh
  const bool* mask;         // (time, batch) or null: false where a row has no such step
  const float* keep;        // (batch, units) or null: multiplies h in the product
  // forward
  const float* projected;   // (time, batch, gates, units): x W; or null, then with
  const float* x;           // (time, batch, features)
  const float *input_kernel, *kernel;  // (features, gates, units), (units, gates, units)
  long features;            // 0 where projected is given
  const float* bias;        // (gates, units) or null
  const float* h_first;     // (batch, units)
  const float* c_first;     // (batch, units)
  float* outputs;           // (time, batch, units)
  float* opened;            // (time, batch, gates, units) or null: the gates after their activations
  float* cells;             // (time, batch, units) or null
  float* c_last;            // (batch, units)
  // backward
  const float* by_outputs;  // (time, batch, units); the last h is among the outputs
  const float* by_c_last;   // (batch, units)
  float* by_projected;      // (time, batch, gates, units)
  float* by_h_first;        // (batch, units)
  float* by_c_first;        // (batch, units)
  const float* panels;      // the kernel as `pack` leaves it; its transpose for the way back
};

// A convolution of pictures, and its two transposes: y (pictures, places, filters) comes from x (pictures, sizes,
// channels) by the kernel (taps, channels, filters).
struct Convolution {
  long pictures, size[2], channels;     // of x
  long places[2], filters;              // of y
  long taps[2], stride[2], before[2], dilation[2];
  long bands;                           // of a picture's lines, worked on one by one
  const float *x, *y;                   // what is given of them
  float* found;                         // what is not; if y, its places may lie apart in larger pictures
  long found_size[2], first[2], step[2];
  const float* bias;                    // (filters) or null
  bool relu, ones;                      // y is cut at zero; the kernel's gradient has a row more, that of the bias
  bool narrow;                          // so few filters that their lanes would lie idle
  const float* panels;                  // of the kernel; where it is narrow, its columns
};

// Attention of heads side by side; queries, keys and values are (batch, time or steps, heads, size or width).
struct Attention {
  long batch, time, steps, heads, size, width;
  float scale;
  const float *query, *key, *value;
  const bool* mask;         // or null: which step a query sees; how far its rows, heads, queries and steps are apart
  long mask_step[4];
  const float* keep;        // (batch, heads, time, steps) or null: multiplies the weights
  float* y;                 // (batch, time, heads, width)
  float* norm;              // (batch, heads, time): the logarithm of the softmax's sum
  // backward
  const float* by_y;
  float *by_query, *by_key, *by_value;
};

// A factor of a product: element (i, j) is at[i * row + j * column], where one of the two is 1.
struct Factor {
  const float* at;
  long row, column;
  const float* let = nullptr;  // or null: as it lies; only where it is over zero anything passes
  Factor from(long i, long j) const {
    const long by = i * row + j * column;
    return {at + by, row, column, let ? let + by : nullptr};
  }
};

// A product of matrices, as dense layers and their gradients are: (rows, depth) times (depth, width).
struct Product {
  long rows, depth, width;
  Factor left, right;
  float* found;              // (rows, width)
  long apart;                // its rows
  const float* bias = nullptr;  // (width) or null
  bool relu = false;         // found is cut at zero
  const float* let = nullptr;   // or null: as found lies; only where it is over zero anything passes
  float* sums = nullptr;     // (width) or null: the sums of the right factor's columns

  Product of_rows(long first, long last) const {
    Product p = *this;
    p.rows = last - first, p.left = left.from(first, 0), p.found += first * apart;
    if (let) p.let += first * apart;
    if (first) p.sums = nullptr;
    return p;
  }
  Product of_columns(long first, long last) const {
    Product p = *this;
    p.width = last - first, p.right = right.from(0, first), p.found += first;
    if (bias) p.bias += first;
    if (let) p.let += first;
    if (sums) p.sums += first;
    return p;
  }
};

// What may follow a dense layer.
enum Activation : long { kLinear, kRelu, kSoftmax, kSigmoid, kTanh };

// Sums over the rows of matrices (rows, width).
struct Sums {
  long rows, width;
  const float *d, *x;       // d may be null: it is x - shift then
  const float* shift;       // (width)
};

// Rows of numbers for classes (rows, width): softmax, y being what it found, and what is asked of rows.
struct Classes {
  long width;
  const float *x, *y;       // numbers, or what comes back
  float* found;
  int* place;
};

// Rows (rows, width) that are normalised: y = (x - mean) / sqrt(mean square + epsilon) factors + offsets.
struct Normal {
  long width;
  float epsilon;
  bool centred;             // or the mean stays, and counts as zero
  const float *x, *factors; // (2, width): factors, offsets
  const float* by;          // what comes back of y, or null
  float* found;             // y, or what comes back of x
};

// A step of Adam: m += (g - m) of_mean, v += (g^2 - v) of_square, p -= p decay + m rate / (sqrt(v) + epsilon).
struct Adam {
  struct Numbers { float rate, of_mean, of_square, epsilon, decay; } numbers;
  const float *g, *p, *m, *v;
  float *new_p, *new_m, *new_v;  // they may be where the old ones are
};

// The same code, compiled for one set of instructions.
struct Loops {
  long (*panels_size)(long depth, long width);
  void (*pack)(const float* matrix, long depth, long width, long depth_stride, long width_stride, float* panels);
  void (*lstm_forward)(const Recurrence&, long first_row, long last_row);
  void (*lstm_backward)(const Recurrence&, long first_row, long last_row, float* by_bias);  // adds to it
  void (*simple_forward)(const Recurrence&, long first_row, long last_row);
  void (*simple_backward)(const Recurrence&, long first_row, long last_row);
  void (*conv)(const Convolution&, long first_picture, long last_picture);
  void (*conv_by_kernel)(const Convolution&, long first_picture, long last_picture, float* found);  // adds to it
  void (*dense)(const Product&);
  void (*dense_few)(const Product&);  // of so few rows that nothing is worth laying out
  void (*activate)(long activation, float* rows, long count, long width);  // but for a relu, which `dense_few` does
  void (*attention)(const Attention&, long first_head, long last_head);
  void (*attention_back)(const Attention&, long first_head, long last_head);
  void (*sums)(const Sums&, long first_row, long last_row, float* found);  // adds to it
  void (*adam)(const Adam&, long first, long last);
  void (*softmax)(const Classes&, long first_row, long last_row);
  void (*softmax_back)(const Classes&, long first_row, long last_row);
  void (*class_sums)(const Classes&, long first_row, long last_row);
  void (*class_largest)(const Classes&, long first_row, long last_row);
  void (*normal)(const Normal&, long first_row, long last_row);
  void (*normal_back)(const Normal&, long first_row, long last_row, float* by_factors);  // adds to it
};

namespace base { extern const Loops table; }
namespace avx2 { extern const Loops table; }
namespace avx512 { extern const Loops table; }

}  // namespace freedive
