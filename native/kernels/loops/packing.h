// Numbers packed in pairs of bf16, as products take them.
#pragma once

#include "bf16.h"
#include "loops.h"
#include "vector.h"

namespace nasnet::kernels {
namespace {

/** A row in pairs. What is written beyond its end the next row overwrites. */
NASNET_INLINE void packRow(float* to, const float* from, ptrdiff_t count) {
  BFloat* numbers = reinterpret_cast<BFloat*>(to);
  for (ptrdiff_t index = 0; index < count; index += width) store(numbers + index, load(from + index));
  if (count % 2 != 0) put(numbers + count, 0);
}

void packRows(const Packing& packing) {
  const Packing p = packing;
  const float* from = static_cast<const float*>(p.from.data);
  if (p.fromPitch == p.columns && 2 * p.toPitch == p.columns) {
    packRow(p.to, from, p.rows * p.columns);
    return;
  }
  for (ptrdiff_t row = 0; row < p.rows; ++row) packRow(p.to + row * p.toPitch, from + row * p.fromPitch, p.columns);
}

NASNET_INLINE Vector paired(const float* first, const float* second) {
  const Vector zero = {};
  return pairUp(load(first), second == nullptr ? zero : load(second));
}
NASNET_INLINE Vector paired(const BFloat* first, const BFloat* second) {
  return (Vector)(second == nullptr ? extended(first) : extended(first) | (extended(second) << 16));
}

template <typename From>
NASNET_INLINE void packAllPairs(const Packing p, const From* from) {
  float* to = p.to;
  for (ptrdiff_t row = 0; row < p.rows; row += 2, from += 2 * p.fromPitch, to += p.toPitch) {
    const bool both = row + 1 < p.rows;
    for (ptrdiff_t column = 0; column < p.columns; column += width) {
      store(to + column, paired(from + column, both ? from + p.fromPitch + column : nullptr));
    }
  }
}

void packPairs(const Packing& packing) {
  typed(packing.from, [&](auto* from) NASNET_INLINED { packAllPairs(packing, from); });
}

}  // namespace
}  // namespace nasnet::kernels
