// Batch normalisation of float32 pixels in channels_last memory, forward and backward. It uses pointers only, like
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
 * The parameters of a batch norm for each channel: (x − mean) · factor + shift. In a tensor they are [4, channels]; the
 * last row is 1 / deviation.
 */
struct Norm {
  const float *mean, *factor, *shift, *inverse;
  Norm(const float* rows, int64_t channels)
      : mean(rows), factor(rows + channels), shift(rows + 2 * channels), inverse(rows + 3 * channels) {}
};

void normalise(const Pixels& pixels, const float* input, const Norm& norm, float* result);

/**
 * The gradients of a batch that is normalised by its own norm, whose factor is weight · inverse: to the input, the
 * weight and the bias. The first is omitted if its pointer is null.
 */
void normaliseGradients(const Pixels& pixels, const float* input, const Norm& norm, const float* weight,
                        const float* gradient, float* inputGradient, float* weightGradient, float* biasGradient);

}  // namespace nasnet::kernels
