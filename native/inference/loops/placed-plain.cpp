// The loops of inference for any processor, with NEON's registers on arm64.
#if defined(__aarch64__) && !defined(__clang__)
#pragma GCC optimize("no-schedule-insns")  // as in loops-plain.cpp
#endif
#include "placed.h"

#define NASNET_WIDTH 4
#if defined(__aarch64__)
#define NASNET_REGISTERS 32
#else
#define NASNET_REGISTERS 16
#endif
#define NASNET_PLACED plainPlaced
#include "placed-table.h"
