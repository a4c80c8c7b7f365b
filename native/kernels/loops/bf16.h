// Vectors of numbers in bf16: read and written as float32, packed in pairs, and the products of those. NASNET_BF16: by
// the instructions for it. Elsewhere they are imitated to the bit, but for sums and products below 2⁻¹²⁶, which the
// instruction takes for 0.
#pragma once

#include "loops.h"
#include "vector.h"

namespace nasnet::kernels {
namespace {

typedef unsigned short Shorts __attribute__((vector_size(2 * NASNET_WIDTH)));
typedef unsigned short UnalignedShorts __attribute__((vector_size(2 * NASNET_WIDTH), aligned(2), may_alias));
typedef int HalfIntegers __attribute__((vector_size(2 * NASNET_WIDTH)));

constexpr int upperHalf = static_cast<int>(0xffff0000);

#if defined(NASNET_BF16)

NASNET_INLINE Shorts narrow(Vector value) { return (Shorts)_mm512_cvtneps_pbh((__m512)value); }

NASNET_INLINE Vector pairUp(Vector first, Vector second) {
  const __m512i places = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6,
                                          21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
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
  return (magnitude < 0x800000 ? bits & static_cast<int>(0x80000000) : finite) & upperHalf;
}

NASNET_INLINE Shorts narrow(Vector value) { return __builtin_convertvector((rounded(value) >> 16) & 0xffff, Shorts); }

NASNET_INLINE Vector pairUp(Vector first, Vector second) {
  return (Vector)(((rounded(first) >> 16) & 0xffff) | rounded(second));
}

/** The product of two numbers in bf16 is one of float32. */
template <typename V, typename Bits>
NASNET_INLINE V addPairs(V sum, V factors, float factor) {
  int pair;
  __builtin_memcpy(&pair, &factor, sizeof(pair));
  const Bits own = (Bits)factors, upper = Bits{} + upperHalf;
  sum += (V)(own & upper) * (V)(Bits{} + (pair & upperHalf));
  return sum + (V)(own << 16) * (V)(Bits{} + static_cast<int>(static_cast<unsigned>(pair) << 16));
}

struct Pairs {
  static NASNET_INLINE Vector add(Vector sum, Vector factors, float factor) {
    return addPairs<Vector, Integers>(sum, factors, factor);
  }
  static NASNET_INLINE Half add(Half sum, Half factors, float factor) {
    return addPairs<Half, HalfIntegers>(sum, factors, factor);
  }
};

#endif

NASNET_INLINE Integers extended(const BFloat* from) {
  return __builtin_convertvector(*reinterpret_cast<const UnalignedShorts*>(from), Integers);
}
NASNET_INLINE Vector load(const BFloat* from) { return (Vector)(extended(from) << 16); }
NASNET_INLINE void store(BFloat* to, Vector value) { *reinterpret_cast<UnalignedShorts*>(to) = narrow(value); }

NASNET_INLINE float number(const float* from) { return *from; }
NASNET_INLINE float number(const BFloat* from) {
  const unsigned bits = static_cast<unsigned>(from->bits) << 16;
  float value;
  __builtin_memcpy(&value, &bits, sizeof(value));
  return value;
}
NASNET_INLINE void put(float* to, float value) { *to = value; }
NASNET_INLINE void put(BFloat* to, float value) {
  const Shorts all = narrow(Vector{} + value);
  to->bits = all[0];
}

/** body(pointer), of the type that is stored there. */
template <typename Body>
NASNET_INLINE void typed(const Stored& from, Body&& body) {
  if (from.numbers == Numbers::bf16) body(static_cast<const BFloat*>(from.data));
  else body(static_cast<const float*>(from.data));
}
template <typename Body>
NASNET_INLINE void typed(const Room& to, Body&& body) {
  if (to.numbers == Numbers::bf16) body(static_cast<BFloat*>(to.data));
  else body(static_cast<float*>(to.data));
}

}  // namespace
}  // namespace nasnet::kernels
