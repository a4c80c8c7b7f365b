// The loops for AVX-512.
#include "loops.h"

#if defined(__x86_64__)
#include "avx512.h"

#define NASNET_LOOPS avx512Loops
#define NASNET_NAME "avx512"
#include "loops-table.h"
#endif
