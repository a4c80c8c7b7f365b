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

/**
 * How a batch norm treats each channel: (x − mean) · factor + shift. As tensors keep it: [4, channels], the last 1 /
 * deviation.
 */
struct Norm {
  const float *mean, *factor, *shift, *inverse;
  Norm(const float* rows, int64_t channels)
      : mean(rows), factor(rows + channels), shift(rows + 2 * channels), inverse(rows + 3 * channels) {}
};

void normalise(const Pixels& pixels, const float* input, const Norm& norm, float* result);

/**
 * The gradients of a batch that is normalised by its own norm, whose factor is weight · inverse: to the input, the
 * weight and the bias; the first is left out where its pointer is null.
 */
void normaliseGradients(const Pixels& pixels, const float* input, const Norm& norm, const float* weight,
                        const float* gradient, float* inputGradient, float* weightGradient, float* biasGradient);

}  // namespace nasnet::kernels
