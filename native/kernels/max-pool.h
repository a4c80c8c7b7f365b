// Max pooling over channels_last images in float32 or bf16, forward and backward. It uses pointers only, like
// depthwise.h.
#pragma once

#include <cstdint>

#include "loops/loops.h"
#include "window.h"

namespace nasnet::kernels {

/**
 * places [images, h', w', channels]: the cell of each maximum in its window, row · kernel columns + column; null: not
 * computed.
 */
void maxPool(const Window& window, const Stored& input, const Room& result, uint8_t* places);

/** add: to the input gradient that is there, of float32. */
void maxPoolGradient(const Window& window, const Stored& gradient, const uint8_t* places, const Room& inputGradient,
                     bool add);

}  // namespace nasnet::kernels
