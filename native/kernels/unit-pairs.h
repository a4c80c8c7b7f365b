// Convolutions of three rows with a stride of 1 in two thirds of the multiplications: Winograd's F(2, 3) over pairs of
// rows of the result (Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, 2016). Four sums of the input
// rows d0 … d3 under a pair, each with its own kernel row, give both rows of the result:
//   m0 = (d0 − d2) · g0, m1 = (d1 + d2) · (g0 + g1 + g2) / 2, m2 = (d2 − d1) · (g0 − g1 + g2) / 2, m3 = (d1 − d3) · −g2
//   first row: m0 + (m1 + m2), second row: m3 + (m1 − m2)
// Along the columns a kernel row is a product as in unit-dense.h. Pairs begin at even rows, wherever an image is
// divided, so that a result does not depend on it.
#pragma once

#include "unit-reader.h"
#include "unit-weights.h"

namespace nasnet::kernels {

class DensePairs {
 public:
  DensePairs(const Unit& unit, const Plane& plane);

  /** to [count, columns, outputs]: the results of `count` rows from y on. */
  void run(const Plane& plane, int64_t y, int64_t count, const Right& products, float* to);

  /** The gradient [count, columns, outputs] of rows from an even one on, for the following. */
  void take(const Stored& gradient, int64_t count);

  /** Adds what it gives to the inputs of rows from y on, in a plane like theirs. */
  void addToInput(const Plane& plane, int64_t y, const Right& products);

  /** Adds what it gives to the weight: sums [4, kernel columns, channels, outputs], of m0 … m3. */
  void addToWeight(const Plane& plane, int64_t y, float* sums);

 private:
  /** A sum of the rows under the pair that begins at row y, as long as a row of the plane. */
  void inputRow(int term, const Plane& plane, int64_t y, float* to) const;
  void product(int term, const Plane& plane, int64_t y, const Right& products, float* to);
  /** The gradient of a term for all pairs. */
  float* gradientOf(int term) const { return termGradients_.get() + term * mostPairs_ * row_; }

  const Window& window_;
  int64_t outputs_, together_, row_, mostPairs_;  // row_: numbers of a row of the result
  int64_t gradientRows_ = 0;
  std::vector<ptrdiff_t> columns_;
  Left inputs_, gradients_;      // of a row of results
  Floats line_, terms_;          // sums of input rows; m1 and m2, or the terms of the inputs' gradients
  Floats termGradients_, room_;  // [4, pairs, columns, outputs], and the pixels under them
  Floats none_;                  // in place of a row that there is not
  Pixelwise patches_, outputGradients_;
};

}  // namespace nasnet::kernels
