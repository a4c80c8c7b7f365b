// The loops of inference for any processor.
#include "kernels/loops/plain.h"

#include "placed.h"

#define NASNET_PLACED plainPlaced
#include "placed-table.h"
