// The loops of one instruction set as a table. Included last by each loops-*.cpp, which has included the set's header
// (avx2.h) and set the table's variable NASNET_LOOPS and what it is called, NASNET_NAME; and NASNET_FLOAT_LOOPS, the
// table whose loops on float32 are no different, so that they are compiled once.
#pragma once

#include "channels.h"
#include "packing.h"
#include "product.h"
#include "rows.h"
#include "winograd.h"

#if !defined(NASNET_FLOAT_LOOPS)
#include "correlate.h"
#include "maximum.h"
#include "weight-gradient.h"
#endif

namespace nasnet::kernels {
namespace {

#if defined(NASNET_FLOAT_LOOPS)
void correlate(const Correlation& c) { NASNET_FLOAT_LOOPS.correlate(c); }
void weightGradient(const WeightGradient& g) { NASNET_FLOAT_LOOPS.weightGradient(g); }
void maximum(const Maximum& m) { NASNET_FLOAT_LOOPS.maximum(m); }
void product(const Product& p) { NASNET_FLOAT_LOOPS.product(p); }
#else
void product(const Product& p) { productOf<Singles>(p); }
#endif

}  // namespace

const Loops NASNET_LOOPS = {NASNET_NAME, width,       wholeTile,  correlate,   weightGradient, maximum,
                            product,     pairProduct, packRows,   packPairs,   channelSums,    channelScale,
                            channelMask, copy,        copyPixels, interleave,  mask,           addMasked,
                            add,         scale,       addScaled,  pairResults, pairInputs};

}  // namespace nasnet::kernels

#if defined(NASNET_TARGET)
#pragma clang attribute pop
#endif
