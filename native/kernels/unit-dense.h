// Convolutions of all channels, k × k, as matrix products on planes: each tap of the kernel is one, and those along a
// row are a single one where their pixels lie side by side.
#pragma once

#include "unit-reader.h"
#include "unit-weights.h"

namespace nasnet::kernels {

class DenseTaps {
 public:
  DenseTaps(const Unit& unit, const Plane& plane);

  /** to [count, columns, outputs]: the results of `count` rows from y on. */
  void run(const Plane& plane, int64_t y, int64_t count, const Right& products, float* to);

  /** The gradient [count, columns, outputs] of rows, for the following; it must stay. */
  void take(const Stored& gradient, int64_t count);

  /** Adds what it gives to the inputs of rows from y on, in a plane like theirs. */
  void addToInput(const Plane& plane, int64_t y, const Right& products);

  /**
   * Adds what it gives to the weight: sums [kernel rows, kernel columns, channels, outputs]. The pixels under a row of
   * the kernel are copied side by side, so that the sums stay in registers over all of these rows.
   */
  void addToWeight(const Plane& plane, int64_t y, float* sums);

 private:
  const Window& window_;
  int64_t outputs_;
  int64_t together_;
  Stored resultGradient_;
  int64_t gradientRows_ = 0;
  std::vector<ptrdiff_t> columns_;
  Left inputs_, gradients_;  // of a row of results
  Floats room_;
  Pixelwise patches_, outputGradients_;  // of a band of rows
};

}  // namespace nasnet::kernels
