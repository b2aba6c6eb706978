// What the two loops of an LSTM are given, and where they write. All arrays are float32 and contiguous.
#pragma once

namespace freedive {

struct Lstm {
  long time, batch, units;
  bool reverse;
  const float* kernel;      // (units, 4 units): the products of h, gates i f g o side by side
  const bool* mask;         // (time, batch) or null: false where a row has no such step
  const float* keep;        // (batch, units) or null: multiplies h in the product
  // forward
  const float* projected;   // (time, batch, 4 units): x W + b
  const float* h_first;     // (batch, units)
  const float* c_first;     // (batch, units)
  float* outputs;           // (time, batch, units)
  float* gates;             // (time, batch, 4 units) or null: after their activations
  float* cells;             // (time, batch, units) or null
  float* c_last;            // (batch, units)
  // backward
  const float* by_outputs;  // (time, batch, units); the last h is among the outputs
  const float* by_c_last;   // (batch, units)
  float* by_projected;      // (time, batch, 4 units)
  float* by_h_first;        // (batch, units)
  float* by_c_first;        // (batch, units)
  const float* panels;      // the kernel as `pack` leaves it
};

// The same code, compiled for one set of instructions.
struct Loops {
  long (*panels_size)(long depth, long width);
  void (*pack)(const float* matrix, long depth, long width, bool transposed, float* panels);
  void (*forward)(const Lstm& lstm, long first_row, long last_row);
  void (*backward)(const Lstm& lstm, long first_row, long last_row);
};

extern const Loops loops_base, loops_avx2, loops_avx512;

}  // namespace freedive
