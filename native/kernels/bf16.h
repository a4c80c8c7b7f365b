// Numbers in bf16: rounding and packing, and products of pairs with sums in float32. NASNET_BF16: by the instructions for it. Elsewhere
// they are imitated to the bit, but for sums and products below 2⁻¹²⁶, which the instruction takes for 0.
#pragma once

#include "loops.h"
#include "product.h"
#include "vector.h"

namespace nasnet::kernels {
namespace {

typedef unsigned short Shorts __attribute__((vector_size(2 * NASNET_WIDTH)));
typedef unsigned short UnalignedShorts __attribute__((vector_size(2 * NASNET_WIDTH), aligned(2), may_alias));

#if defined(NASNET_BF16)

NASNET_INLINE Shorts narrow(Vector value) { return (Shorts)_mm512_cvtneps_pbh((__m512)value); }

NASNET_INLINE Vector pairUp(Vector first, Vector second) {
  const __m512i places = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8,
                                          23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  return (Vector)_mm512_permutexvar_epi16(places, (__m512i)_mm512_cvtne2ps_pbh((__m512)second, (__m512)first));
}

struct Pairs {
  static NASNET_INLINE Vector add(Vector sum, Vector factors, float factor) {
    return (Vector)_mm512_dpbf16_ps((__m512)sum, (__m512bh)factors, (__m512bh)_mm512_set1_ps(factor));
  }
  static NASNET_INLINE Half add(Half sum, Half factors, float factor) {
    return (Half)_mm256_dpbf16_ps((__m256)sum, (__m256bh)factors, (__m256bh)_mm256_set1_ps(factor));
  }
};

#else

/** Rounded, in the upper halves. */
NASNET_INLINE Integers rounded(Vector value) {
  const Integers bits = (Integers)value, magnitude = bits & 0x7fffffff;
  const Integers near = bits + 0x7fff + ((bits >> 16) & 1);
  const Integers finite = magnitude > 0x7f800000 ? bits | 0x400000 : near;  // NaN stays
  return (magnitude < 0x800000 ? bits & static_cast<int>(0x80000000) : finite) & static_cast<int>(0xffff0000);
}

NASNET_INLINE Shorts narrow(Vector value) { return __builtin_convertvector((rounded(value) >> 16) & 0xffff, Shorts); }

NASNET_INLINE Vector pairUp(Vector first, Vector second) {
  return (Vector)(((rounded(first) >> 16) & 0xffff) | rounded(second));
}

typedef int HalfIntegers __attribute__((vector_size(2 * NASNET_WIDTH)));

/** The product of two numbers in bf16 is one of float32. */
template <typename V, typename Bits>
NASNET_INLINE V addPairs(V sum, V factors, float factor) {
  int pair;
  __builtin_memcpy(&pair, &factor, sizeof(pair));
  const Bits own = (Bits)factors, upper = Bits{} + static_cast<int>(0xffff0000);
  sum += (V)(own & upper) * (V)(Bits{} + (pair & static_cast<int>(0xffff0000)));
  return sum + (V)(own << 16) * (V)(Bits{} + static_cast<int>(static_cast<unsigned>(pair) << 16));
}

struct Pairs {
  static NASNET_INLINE Vector add(Vector sum, Vector factors, float factor) { return addPairs<Vector, Integers>(sum, factors, factor); }
  static NASNET_INLINE Half add(Half sum, Half factors, float factor) { return addPairs<Half, HalfIntegers>(sum, factors, factor); }
};

#endif

void pairProduct(const Product& p) {
  if (p.across) productAll<Pairs, true>(p);
  else productAll<Pairs, false>(p);
}

/** A row in pairs. What is written beyond its end the next row overwrites. */
NASNET_INLINE void packRow(float* to, const float* from, ptrdiff_t count) {
  unsigned short* shorts = reinterpret_cast<unsigned short*>(to);
  for (ptrdiff_t index = 0; index < count; index += width) {
    *reinterpret_cast<UnalignedShorts*>(shorts + index) = narrow(load(from + index));
  }
  if (count % 2 != 0) {
    const unsigned short zero = 0;
    __builtin_memcpy(shorts + count, &zero, sizeof(zero));
  }
}

void packRows(const Packing& packing) {
  const Packing p = packing;
  if (p.fromPitch == p.columns && 2 * p.toPitch == p.columns) {
    packRow(p.to, p.from, p.rows * p.columns);
    return;
  }
  for (ptrdiff_t row = 0; row < p.rows; ++row) packRow(p.to + row * p.toPitch, p.from + row * p.fromPitch, p.columns);
}

void packPairs(const Packing& packing) {
  const Packing p = packing;
  const Vector zero = {};
  const float* from = p.from;
  float* to = p.to;
  for (ptrdiff_t row = 0; row < p.rows; row += 2, from += 2 * p.fromPitch, to += p.toPitch) {
    const bool both = row + 1 < p.rows;
    for (ptrdiff_t column = 0; column < p.columns; column += width) {
      store(to + column, pairUp(load(from + column), both ? load(from + p.fromPitch + column) : zero));
    }
  }
}

}  // namespace
}  // namespace nasnet::kernels
