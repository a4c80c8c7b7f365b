// The loops for the vectors that every processor of its kind has: SSE2 on x86-64, NEON on arm64.
#include "loops.h"

#define NASNET_WIDTH 4
#if defined(__aarch64__)
#define NASNET_REGISTERS 32
#else
#define NASNET_REGISTERS 16
#endif
#include "channels.h"
#include "correlate.h"
#include "maximum.h"
#include "packing.h"
#include "product.h"
#include "rows.h"
#include "weight-gradient.h"

namespace nasnet::kernels {

const Loops plainLoops = {"plain", width, correlate, weightGradient, maximum, product, pairProduct, packRows,
                           packPairs, channelSums, channelScale, channelMask, copy, copyPixels, mask, add, scale};

}  // namespace nasnet::kernels
