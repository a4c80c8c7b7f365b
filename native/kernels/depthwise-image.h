// Depthwise convolution of one image, forward and backward, for depthwise.cpp and unit.cpp. An image is copied into a
// plane with a border of zeros, which fits into the processor's cache, and the loops run over the plane.
#pragma once

#include <utility>
#include <vector>

#include "long-sums.h"
#include "loops/loops.h"
#include "plane.h"
#include "window.h"

namespace nasnet::kernels {

const Loops& loopsOf(const Window& window);

/** Returns a plane for the input of the window, with `below` more rows than the results read. */
Plane inputPlane(const Window& window, int64_t below = 0);
/**
 * The same with the additional rows that gradients of weights read, since they process four rows of results at a time.
 */
Plane inputPlaneForWeights(const Window& window);

/** Returns where the taps along a row of the kernel lie in a row of the plane, in floats. */
std::vector<ptrdiff_t> columnOffsets(const Window& window, const Plane& plane);

/** Returns weight [channels, kernel rows, kernel columns] packed for DepthwiseRows; null: ones. */
Floats packedDepthwise(const Window& window, const float* weight);

/** Computes the results of an image from its plane. */
class DepthwiseRows {
 public:
  /** `packed` is a result of packedDepthwise and must outlive this object. `plane` has the form of all planes. */
  DepthwiseRows(const Window& window, const Plane& plane, const float* packed);

  /** Computes `count` rows of results from row `y` on: [count, columns, channels]. */
  void run(const Plane& plane, int64_t y, int64_t count, float* result) const;

 private:
  const Window& window_;
  const float* weights_;
  std::vector<ptrdiff_t> offsets_;
};

/**
 * Computes the gradient of the input from a plane of results' gradients, with a correlation for each remainder modulo
 * the strides.
 */
class InputGradient {
 public:
  InputGradient(const Window& window, const float* weight);

  /**
   * Returns a plane for the gradient of an image's results, with four more dilated rows for the gradients of weights.
   */
  Plane plane() const;

  /** Returns the place of the first result's gradient in the plane. */
  float* interior(const Plane& plane) const { return plane.row(top_) + left_ * window_.channels; }

  /** `scattered` is memory for an image, used with a stride. */
  void run(const Plane& plane, float* inputGradient, float* scattered) const;

 private:
  void correlate(const Plane& plane, int64_t y, int64_t x, float* result, int64_t pitch) const;
  void scatter(const float* from, int64_t y, int64_t x, int64_t columns, float* to) const;

  const Window& window_;
  std::vector<Reach> rowReaches_, columnReaches_;
  std::vector<std::vector<ptrdiff_t>> offsets_;  // of the taps in a row, for each remainder of columns
  std::vector<Floats> weights_;
  int64_t top_ = 0, bottom_ = 0, left_ = 0, right_ = 0;
};

/** The gradient to the weight: sums over all pixels, [channels, kernel rows, kernel columns]. */
class WeightSums {
 public:
  WeightSums(const Window& window, const Plane& plane);

  /** Adds an image in its plane; the gradients of its results are `pitch` floats from row to row. */
  void add(const Plane& input, const float* gradient, int64_t pitch);

  void addTo(double* total);

 private:
  const Window& window_;
  int64_t period_;
  std::vector<ptrdiff_t> offsets_;
  AddedSums sums_;  // in the layout of the loops
};

}  // namespace nasnet::kernels
