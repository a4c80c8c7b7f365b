// The loops for AVX-512 with products of bf16.
#include "loops.h"

#if defined(NASNET_AVX512BF16)
#include "avx512bf16.h"

#define NASNET_LOOPS avx512bf16Loops
#define NASNET_NAME "avx512bf16"
#define NASNET_FLOAT_LOOPS avx512Loops
#include "loops-table.h"
#endif
