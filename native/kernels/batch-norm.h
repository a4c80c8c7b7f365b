// Batch normalisation of float32 pixels whose channels lie side by side, forward and backward. Pointers only, as
// depthwise.h.
#pragma once

#include <cstdint>
#include <vector>

namespace nasnet::kernels {

struct Pixels {
  int64_t count, channels;
};

struct Moments {
  std::vector<double> mean, variance;  // of each channel; the variance divides by the number of pixels
};

Moments moments(const Pixels& pixels, const float* input);

/** result = (input − mean) · factor + shift; all [channels]. */
void normalise(const Pixels& pixels, const float* input, const float* mean, const float* factor, const float* shift,
               float* result);

/**
 * The gradients of (input − mean) · inverse · weight + bias where mean and inverse (1 / deviation) are the batch's own:
 * to the input, the weight and the bias; the first is left out where its pointer is null.
 */
void normaliseGradients(const Pixels& pixels, const float* input, const float* mean, const float* inverse,
                        const float* weight, const float* gradient, float* inputGradient, float* weightGradient,
                        float* biasGradient);

}  // namespace nasnet::kernels
