// The unit that operations are made of: [normalise, ReLU] on load, a depthwise convolution and a 1×1 convolution, or
// either a 1×1 or a k×k convolution alone, and the statistics of its result for the batch norm that the next unit
// applies on load. It is one pass over bands of rows that fit the processor's cache; the backward computes the
// depthwise result again instead of reading it from memory. It uses pointers only, channels last; unit-operator.cpp has
// the tensors.
#pragma once

#include <cstdint>

#include "batch-norm.h"
#include "unit-product.h"
#include "window.h"

namespace nasnet::kernels {

struct Unit {
  enum Kind { pointwise, depthwise, dense };  // depthwise: and a pointwise after it

  Window window;  // of the depthwise convolution if there is one, else of the only convolution
  Kind kind;
  int64_t outputs;  // channels of the result
  Numbers numbers;  // of products and of the raw result; all else is computed in float32

  int64_t resultPixels() const { return window.rows.result * window.columns.result; }  // of an image
  int64_t inputPixels() const { return window.rows.input * window.columns.input; }
  /** The share of input pixels that so many pixels of the result correspond to. */
  int64_t inputShare(int64_t pixels) const { return pixels * inputPixels() / resultPixels(); }
};

/** [outputs, channels, height, width] in any layout. */
struct Weight {
  const float* values;
  int64_t strides[4];

  int64_t place(int64_t output, int64_t channel, int64_t row, int64_t column) const {
    return output * strides[0] + channel * strides[1] + row * strides[2] + column * strides[3];
  }
  float at(int64_t output, int64_t channel, int64_t row, int64_t column) const {
    return values[place(output, channel, row, column)];
  }
};

/** The input of a unit. */
struct Source {
  Stored values;
  int64_t pitch;      // numbers from pixel to pixel, at least the channels; exactly those where there is a norm
  const float* norm;  // [4, channels] as in channel-lines.h, or null
  bool relu;          // always with a norm
};

struct PackedUnit;  // the weights, see unit-weights.h

/**
 * raw [images, h', w', outputs].
 * @returns the batch's statistics if they are requested
 */
Moments unitForward(const Unit& unit, const Source& source, const PackedUnit& weights, bool statistics,
                    const Room& raw);

/** The gradient of a unit's normalised result, and the results of its forward. */
struct UnitResult {
  Stored raw;
  // [4, outputs], of the batch; null: there is none, and the gradient is that of the raw result
  const float* norm;
  Stored gradient;        // of the normalised result, as the raw one is
  int64_t gradientPitch;  // numbers from pixel to pixel
  const float* sums;      // [2, outputs]: Σ gradient · normalised result, Σ gradient; with a norm
};

/** The destinations of gradients; null for those that are not needed. */
struct UnitGradients {
  Room input;        // dense, as the input is; of the normalised input where there is a norm
  bool add;          // to what is in `input`; only of float32 without a norm
  float* inputSums;  // [2, channels] as in UnitResult, with a norm
  float* depthwiseWeight;
  float* weight;  // laid out as the weight is
};

/** depthwiseWeight [channels, kernel rows, kernel columns]. */
void unitBackward(const Unit& unit, const Source& source, const float* depthwiseWeight, const Weight& weight,
                  const UnitResult& result, const UnitGradients& gradients);

}  // namespace nasnet::kernels
