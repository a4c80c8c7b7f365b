// The loops for AVX-512 with products of bf16.
#include "loops.h"

#if defined(NASNET_AVX512BF16)
#include <immintrin.h>

#include <cstddef>
#include <utility>

#if defined(__clang__)
#define NASNET_TARGET "avx512f,avx512vl,avx512bw,avx512dq,avx512bf16,avx2,fma"
#pragma clang attribute push(__attribute__((target(NASNET_TARGET))), apply_to = function)
#else
#pragma GCC target("avx512f,avx512vl,avx512bw,avx512dq,avx512bf16,avx2,fma")
#endif

#define NASNET_BF16 1
#define NASNET_WIDTH 16
#define NASNET_REGISTERS 32
#define NASNET_LOOPS avx512bf16Loops
#define NASNET_NAME "avx512bf16"
#define NASNET_FLOAT_LOOPS avx512Loops
#include "loops-table.h"

#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
