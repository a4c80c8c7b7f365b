// Depthwise convolution and average pool over channels_last images in float32 or bf16, forward and backward, one thread
// per image. It uses pointers only; depthwise-operator.cpp and pool-operators.cpp have the tensors.
#pragma once

#include "loops/loops.h"
#include "window.h"

namespace nasnet::kernels {

/** Whether the loops have a version for this window. */
bool covers(const Window& window);

/**
 * result [images, h', w', channels] of input [images, h, w, channels], through a ReLU first if asked. weight [channels,
 * kernel rows, kernel columns]; null: the average of the cells inside the image.
 */
void depthwise(const Window& window, const Stored& input, const float* weight, bool relu, const Room& result);

/**
 * The gradients of the same: to the input and to the weight. Each is omitted if its pointer is null; add: to the
 * input gradient that is there, of float32.
 */
void depthwiseGradients(const Window& window, const Stored& input, const float* weight, bool relu,
                        const Stored& gradient, const Room& inputGradient, bool add, float* weightGradient);

}  // namespace nasnet::kernels
