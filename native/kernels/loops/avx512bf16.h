// AVX-512 with products of bf16: what follows is compiled for it, up to the end of a table of loops.
// A version of the loops includes this after the headers that every processor runs.
#pragma once

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
