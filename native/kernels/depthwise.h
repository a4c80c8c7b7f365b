// Depthwise convolution and average pool over channels_last images in float32, forward and backward, one thread per image.
// Pointers only: depthwise-operator.cpp and pool-operators.cpp know tensors.
#pragma once

#include "window.h"

namespace nasnet::kernels {

/** Whether the loops have a version for this window. */
bool covers(const Window& window);

/**
 * result [images, h', w', channels] of input [images, h, w, channels], through a ReLU first if asked.
 * weight [channels, kernel rows, kernel columns]; null: an average of the real cells under the window.
 */
void depthwise(const Window& window, const float* input, const float* weight, bool relu, float* result);

/** The gradients of the same: to the input and to the weight, each left out where its pointer is null. */
void depthwiseGradients(const Window& window, const float* input, const float* weight, bool relu, const float* gradient,
                        float* inputGradient, float* weightGradient);

}  // namespace nasnet::kernels
