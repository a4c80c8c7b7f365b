// The vectors that every processor of its kind has: SSE2 on x86-64, NEON on arm64. A version of the loops includes this
// first.
#pragma once

#if defined(__aarch64__) && !defined(__clang__)
#pragma GCC optimize("no-schedule-insns")  // else g++ loads so far ahead on arm64 that sums no longer fit the registers
#endif

#define NASNET_WIDTH 4
#if defined(__aarch64__)
#define NASNET_REGISTERS 32
#else
#define NASNET_REGISTERS 16
#endif
