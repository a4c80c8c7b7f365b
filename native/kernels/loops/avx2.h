// AVX2 with fused multiply-add: what follows is compiled for it, up to the end of a table of loops.
// A version of the loops includes this after the headers that every processor runs.
#pragma once

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
