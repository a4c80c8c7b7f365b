// The loops of inference for AVX-512.
#include "placed.h"

#if defined(__x86_64__)
#include "kernels/loops/avx512.h"

#define NASNET_PLACED avx512Placed
#include "placed-table.h"
#endif
