// Combines images: the sum of one or two, each as it is or normalised on load, and the sums that the norms' gradients
// need; the concatenation of any number. It uses pointers only; all images have the same number type, channels last.
// combine-operators.cpp has the tensors.
#pragma once

#include "batch-norm.h"
#include "loops/loops.h"

namespace nasnet::kernels {

/** Pixels `pitch` floats apart; norm: [4, channels] as in channel-lines.h, or null. */
struct Operand {
  Stored values;
  int64_t pitch;
  const float* norm;
};

/** result = left + right; `right` may be null. */
void combine(const Pixels& pixels, const Operand& left, const Operand* right, const Room& result);

/**
 * sums [2, channels] of a normalised operand: Σ gradient · normalised, Σ gradient. Nothing is computed if `sums` is
 * null.
 */
struct OperandSums {
  Operand operand;
  float* sums;
};

void combineSums(const Pixels& pixels, const Stored& gradient, int64_t gradientPitch, const OperandSums* wanted,
                 int64_t count);

/** result = Σ images, all of the same channels; it may be the first of them. */
void sumAll(const Pixels& pixels, const std::vector<Slice>& images, const Room& result);

/** whole = the slices' channels side by side, and back; pixels.channels are those of the whole. */
void concatenate(const Pixels& pixels, const std::vector<Slice>& slices, const Room& whole);
void split(const Pixels& pixels, const Room& whole, const std::vector<Slice>& slices);

}  // namespace nasnet::kernels
