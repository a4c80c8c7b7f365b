// The loops for the vectors that every processor of its kind has: SSE2 on x86-64, NEON on arm64.
#if defined(__aarch64__) && !defined(__clang__)
#pragma GCC optimize("no-schedule-insns")  // else g++ loads so far ahead on arm64 that sums no longer fit the registers
#endif
#include "loops.h"

#define NASNET_WIDTH 4
#if defined(__aarch64__)
#define NASNET_REGISTERS 32
#else
#define NASNET_REGISTERS 16
#endif
#define NASNET_LOOPS plainLoops
#define NASNET_NAME "plain"
#include "loops-table.h"
