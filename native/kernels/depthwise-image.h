// What a depthwise convolution does with one image, forward and backward: depthwise.cpp and unit.cpp put their passes
// together from these. An image is copied into a plane that surrounds it with zeros, small enough to stay in the
// processor's cache, and the loops of this processor run over that.
#pragma once

#include <utility>
#include <vector>

#include "long-sums.h"
#include "loops/loops.h"
#include "plane.h"
#include "window.h"

namespace nasnet::kernels {

const Loops& loopsOf(const Window& window);

/** A plane for the window's input, with `below` rows more than results read. */
Plane inputPlane(const Window& window, int64_t below = 0);
/** The same with the rows that weights' gradients read beyond: they take four rows of results at a time. */
Plane inputPlaneForWeights(const Window& window);

/** weight [channels, kernel rows, kernel columns] as DepthwiseRows reads it; of null: ones. */
Floats packedDepthwise(const Window& window, const float* weight);

/** Results of an image from its plane. */
class DepthwiseRows {
 public:
  /** `packed`: by packedDepthwise, kept while this is. `plane`: one as they will be. */
  DepthwiseRows(const Window& window, const Plane& plane, const float* packed);

  /** `count` rows of results from row `y` on: [count, columns, channels]. */
  void run(const Plane& plane, int64_t y, int64_t count, float* result) const;

 private:
  const Window& window_;
  const float* weights_;
  std::vector<ptrdiff_t> offsets_;
};

/** From a plane of results' gradients to the input's: for each remainder by the strides a correlation of its own. */
class InputGradient {
 public:
  InputGradient(const Window& window, const float* weight);

  /** For the gradient of an image's results; four dilated rows more, as weight gradients take them. */
  Plane plane() const;

  /** Where the first result's gradient stands in the plane. */
  float* interior(const Plane& plane) const { return plane.row(top_) + left_ * window_.channels; }

  /** `scattered`: room for an image, used with a stride. */
  void run(const Plane& plane, float* inputGradient, float* scattered) const;

 private:
  void correlate(const Plane& plane, int64_t y, int64_t x, float* result, int64_t pitch) const;
  void scatter(const float* from, int64_t y, int64_t x, int64_t columns, float* to) const;

  const Window& window_;
  std::vector<Reach> rowReaches_, columnReaches_;
  std::vector<Floats> weights_;
  int64_t top_ = 0, bottom_ = 0, left_ = 0, right_ = 0;
};

/** The gradient to the weight: sums over all pixels, [channels, kernel rows, kernel columns]. */
class WeightSums {
 public:
  WeightSums(const Window& window, const Plane& plane);

  /** Of an image in its plane and its results' gradients, `pitch` floats from row to row. */
  void add(const Plane& input, const float* gradient, int64_t pitch);

  void addTo(double* total);

 private:
  const Window& window_;
  int64_t period_;
  std::vector<ptrdiff_t> offsets_;
  AddedSums sums_;  // laid out as the loops have them
};

}  // namespace nasnet::kernels
