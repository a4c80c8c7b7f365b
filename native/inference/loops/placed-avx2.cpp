// The loops of inference for AVX2.
#if defined(__x86_64__)
#include "placed.h"

#include <cstddef>
#include <utility>

#if defined(__clang__)
#define NASNET_TARGET "avx2,fma"
#pragma clang attribute push(__attribute__((target(NASNET_TARGET))), apply_to = function)
#else
#pragma GCC target("avx2,fma")
#endif

#define NASNET_WIDTH 8
#define NASNET_REGISTERS 16
#define NASNET_PLACED avx2Placed
#include "placed-table.h"

#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
