// Convolutions of all channels, k × k, as matrix products on planes: each tap of the kernel is one, and those along a row are a single
// one where their pixels lie side by side.
#pragma once

#include "unit-reader.h"

namespace nasnet::kernels {

class DenseTaps {
 public:
  DenseTaps(const Unit& unit, const Plane& plane, const Weight& weight);

  /** to [columns, outputs]: the results of row y. */
  void run(const Plane& plane, int64_t y, float* to) const;

  /** Adds what the gradient [columns, outputs] of row y gives to the inputs, in a plane like theirs. */
  void addToInput(const Plane& plane, int64_t y, const float* gradient) const;

  /** Adds what it gives to the weight: sums [kernel rows, kernel columns, channels, outputs]. */
  void addToWeight(const Plane& plane, int64_t y, const float* gradient, float* sums) const;

 private:
  const Window& window_;
  int64_t outputs_;
  int64_t together_;  // taps of a row in one product: all or 1
  std::vector<int64_t> columns_;
  Right forward_, backward_;
};

}  // namespace nasnet::kernels
