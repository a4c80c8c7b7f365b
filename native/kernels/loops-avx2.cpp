// The loops for AVX2 with fused multiply-add.
#if defined(__x86_64__)
#include "loops.h"

#include <cstddef>
#include <utility>

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx2,fma")
#endif

#define NASNET_WIDTH 8
#define NASNET_REGISTERS 16
#include "channels.h"
#include "correlate.h"
#include "maximum.h"
#include "packing.h"
#include "product.h"
#include "rows.h"
#include "weight-gradient.h"

namespace nasnet::kernels {

const Loops avx2Loops = {"avx2", width, correlate, weightGradient, maximum, product, pairProduct, packRows,
                           packPairs, channelSums, channelScale, channelMask, copy, copyPixels, mask, add, scale};

}  // namespace nasnet::kernels

#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
