// The unit that operations are made of: [normalise, ReLU] on load, a depthwise convolution or none, a 1×1 convolution, and the
// statistics of its result for the batch norm that the next unit applies on its load. One pass over bands of rows that stay in the
// processor's cache; the backward computes the depthwise result again instead of reading it from memory.
// Pointers only, float32, channels last; unit-operator.cpp knows tensors.
#pragma once

#include <cstdint>

#include "batch-norm.h"
#include "window.h"

namespace nasnet::kernels {

struct Unit {
  Window window;    // of the depthwise convolution; without one a 1×1 window, whose stride and padding may be anything
  bool depthwise;
  int64_t outputs;  // channels of the result

  int64_t resultPixels() const { return window.rows.result * window.columns.result; }  // of an image
  int64_t inputPixels() const { return window.rows.input * window.columns.input; }
};

/** What a unit reads. */
struct Source {
  const float* values;
  int64_t pitch;      // floats from pixel to pixel, at least the channels; exactly those where there is a norm
  const float* norm;  // [4, channels] as in channel-lines.h, or null
  bool relu;          // always with a norm
};

/**
 * raw [images, h', w', outputs]; weights [channels, kernel rows, kernel columns] and [outputs, channels].
 * @returns the batch's statistics if asked for
 */
Moments unitForward(const Unit& unit, const Source& source, const float* depthwiseWeight, const float* pointwiseWeight,
                    bool statistics, float* raw);

/** The gradient of a unit's normalised result, and what its forward left. */
struct UnitResult {
  const float* raw;
  const float* norm;       // [4, outputs], of the batch
  const float* gradient;   // of the normalised result
  int64_t gradientPitch;   // floats from pixel to pixel
  const float* sums;       // [2, outputs]: Σ gradient · normalised result, Σ gradient
};

/** Where gradients go; what isn't wanted is null. */
struct UnitGradients {
  float* input;            // dense; of the normalised input where there is a norm
  bool addToInput;         // to what is there; not with a norm
  float* inputSums;        // [2, channels] as in UnitResult, with a norm
  float* depthwiseWeight;
  float* pointwiseWeight;
};

void unitBackward(const Unit& unit, const Source& source, const float* depthwiseWeight, const float* pointwiseWeight,
                  const UnitResult& result, const UnitGradients& gradients);

}  // namespace nasnet::kernels
