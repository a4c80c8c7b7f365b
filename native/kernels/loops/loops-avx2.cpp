// The loops for AVX2.
#include "loops.h"

#if defined(__x86_64__)
#include "avx2.h"

#define NASNET_LOOPS avx2Loops
#define NASNET_NAME "avx2"
#include "loops-table.h"
#endif
