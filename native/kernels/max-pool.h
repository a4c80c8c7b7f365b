// Max pooling over channels_last images in float32 or bf16, forward and backward. Pointers only, as depthwise.h.
#pragma once

#include <cstdint>

#include "loops/loops.h"
#include "window.h"

namespace nasnet::kernels {

/**
 * places [images, h', w', channels]: which cell of its window each maximum is, row · kernel columns + column; null: not
 * wanted.
 */
void maxPool(const Window& window, const Stored& input, const Room& result, uint8_t* places);

void maxPoolGradient(const Window& window, const Stored& gradient, const uint8_t* places, const Room& inputGradient);

}  // namespace nasnet::kernels
