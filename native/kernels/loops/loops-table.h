// The loops of one instruction set as a table. Included last by each loops-*.cpp, which has set the target,
// NASNET_WIDTH, NASNET_REGISTERS, the table's variable NASNET_LOOPS and what it is called, NASNET_NAME.
#pragma once

#include "channels.h"
#include "correlate.h"
#include "maximum.h"
#include "packing.h"
#include "product.h"
#include "rows.h"
#include "weight-gradient.h"

namespace nasnet::kernels {

const Loops NASNET_LOOPS = {NASNET_NAME, width,     correlate,   weightGradient, maximum,     product, pairProduct,
                            packRows,    packPairs, channelSums, channelScale,   channelMask, copy,    copyPixels,
                            mask,        add,       scale};

}  // namespace nasnet::kernels
