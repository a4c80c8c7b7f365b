// Convolutions of all channels, k × k, as matrix products on planes: each tap of the kernel is one, and those along a
// row are a single one where their pixels lie side by side.
#pragma once

#include "unit-reader.h"
#include "unit-weights.h"

namespace nasnet::kernels {

class DenseTaps {
 public:
  DenseTaps(const Unit& unit, const Plane& plane);

  /** to [columns, outputs]: the results of row y. */
  void run(const Plane& plane, int64_t y, const Right& products, float* to);

  /** Adds what the gradient [columns, outputs] of row y gives to the inputs, in a plane like theirs. */
  void addToInput(const Plane& plane, int64_t y, const Right& products, const Stored& gradient);

  /**
   * Adds what the gradient of `count` rows from row y on gives to the weight: sums [kernel rows, kernel columns,
   * channels, outputs]. The pixels under a row of the kernel are copied side by side, so that the sums stay in
   * registers over all of these rows.
   */
  void addToWeight(const Plane& plane, int64_t y, int64_t count, const Stored& gradient, float* sums);

 private:
  const Window& window_;
  int64_t outputs_;
  int64_t together_;
  std::vector<int64_t> columns_;
  Left inputs_, gradients_;  // of a row of results
  Floats room_;
  Pixelwise patches_, outputGradients_;  // of a band of rows
};

}  // namespace nasnet::kernels
