// The loops of inference for AVX-512.
#if defined(__x86_64__)
#include "placed.h"

#include <immintrin.h>

#include <cstddef>
#include <utility>

#if defined(__clang__)
#define NASNET_TARGET "avx512f,avx512vl,avx512bw,avx512dq,avx2,fma"
#pragma clang attribute push(__attribute__((target(NASNET_TARGET))), apply_to = function)
#else
#pragma GCC target("avx512f,avx512vl,avx512bw,avx512dq,avx2,fma")
#endif

#define NASNET_WIDTH 16
#define NASNET_REGISTERS 32
#define NASNET_PLACED avx512Placed
#include "placed-table.h"

#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
