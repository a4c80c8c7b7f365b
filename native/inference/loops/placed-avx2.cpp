// The loops of inference for AVX2.
#include "placed.h"

#if defined(__x86_64__)
#include "kernels/loops/avx2.h"

#define NASNET_PLACED avx2Placed
#include "placed-table.h"
#endif
