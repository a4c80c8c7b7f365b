// Vectors of the width that the including file defines (NASNET_WIDTH floats, NASNET_REGISTERS of them), by the
// compilers' vector extension. Only for the files that make a version of the loops: everything here has internal
// linkage, so that code for one instruction set is never linked into another's place. Nothing of the standard library
// runs here, for the same reason.
#pragma once

#include <cstddef>
#include <utility>

#define NASNET_INLINED __attribute__((always_inline))  // of a lambda
#define NASNET_INLINE inline NASNET_INLINED

namespace nasnet::kernels {
namespace {

constexpr int width = NASNET_WIDTH;
constexpr int registers = NASNET_REGISTERS;

typedef float Vector __attribute__((vector_size(4 * NASNET_WIDTH)));
typedef int Integers __attribute__((vector_size(4 * NASNET_WIDTH)));
typedef float Half __attribute__((vector_size(2 * NASNET_WIDTH)));
typedef float Unaligned __attribute__((vector_size(4 * NASNET_WIDTH), aligned(4), may_alias));
typedef int UnalignedIntegers __attribute__((vector_size(4 * NASNET_WIDTH), aligned(4), may_alias));

NASNET_INLINE Vector load(const float* from) { return *reinterpret_cast<const Unaligned*>(from); }
NASNET_INLINE void store(float* to, Vector value) { *reinterpret_cast<Unaligned*>(to) = value; }
NASNET_INLINE Integers loadIntegers(const int* from) { return *reinterpret_cast<const UnalignedIntegers*>(from); }
NASNET_INLINE void storeIntegers(int* to, Integers value) { *reinterpret_cast<UnalignedIntegers*>(to) = value; }

/** The same for vectors of any width. */
template <typename V>
NASNET_INLINE V loadAs(const float* from) {
  typedef V Loose __attribute__((aligned(4), may_alias));
  return *reinterpret_cast<const Loose*>(from);
}
template <typename V>
NASNET_INLINE void storeAs(float* to, V value) {
  typedef V Loose __attribute__((aligned(4), may_alias));
  *reinterpret_cast<Loose*>(to) = value;
}

/** The first `count` floats of a vector, where a row ends within it. */
template <typename V>
NASNET_INLINE void storePart(float* to, V value, ptrdiff_t count) {
  float all[sizeof(V) / sizeof(float)];
  storeAs<V>(all, value);
  for (ptrdiff_t index = 0; index < count; ++index) to[index] = all[index];
}

/**
 * Rows of `count` floats: what of a vector belongs to a row that ends within it. Not inlined, as it stands in many
 * loops.
 */
__attribute__((noinline, unused)) void copyRows(float* to, ptrdiff_t toPitch, const float* from, ptrdiff_t fromPitch,
                                                ptrdiff_t rows, ptrdiff_t count) {
  typedef float Four __attribute__((vector_size(16)));
  for (ptrdiff_t row = 0; row < rows; ++row, to += toPitch, from += fromPitch) {
    ptrdiff_t index = 0;
    for (; index + 4 <= count; index += 4) storeAs<Four>(to + index, loadAs<Four>(from + index));
    for (; index < count; ++index) to[index] = from[index];
  }
}

template <typename Body, int... index>
NASNET_INLINE void repeatSequence(std::integer_sequence<int, index...>, Body&& body) {
  (body(std::integral_constant<int, index>{}), ...);
}

/** body(0) … body(count − 1), written out: accumulators in arrays then live in registers. */
template <int count, typename Body>
NASNET_INLINE void repeat(Body&& body) {
  repeatSequence(std::make_integer_sequence<int, count>{}, body);
}

}  // namespace
}  // namespace nasnet::kernels
