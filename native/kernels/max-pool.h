// Max pooling over channels_last images in float32, forward and backward. Pointers only, as depthwise.h.
#pragma once

#include <cstdint>

#include "window.h"

namespace nasnet::kernels {

/** places [images, h', w', channels]: which cell of its window each maximum is, row · kernel columns + column; null: not wanted. */
void maxPool(const Window& window, const float* input, float* result, uint8_t* places);

void maxPoolGradient(const Window& window, const float* gradient, const uint8_t* places, float* inputGradient);

}  // namespace nasnet::kernels
