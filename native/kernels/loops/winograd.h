// Sums of rows for convolutions of three rows by Winograd's F(2, 3), see unit-pairs.h.
#pragma once

#include "loops.h"
#include "vector.h"

namespace nasnet::kernels {
namespace {

/** body(index, zero) for each vector of a row, whose type is that of `zero`, and for each float of its rest. */
template <typename Body>
NASNET_INLINE void alongRow(ptrdiff_t count, Body&& body) {
  const Vector zeros = {};
  ptrdiff_t index = 0;
  for (; index + width <= count; index += width) body(index, zeros);
  for (; index < count; ++index) body(index, 0.0f);
}

void addScaled(float* to, const float* one, const float* other, float factor, ptrdiff_t count) {
  alongRow(count, [=](ptrdiff_t index, auto zero) NASNET_INLINED {
    using V = decltype(zero);
    storeAs<V>(to + index, loadAs<V>(one + index) + loadAs<V>(other + index) * factor);
  });
}

void pairResults(const PairResults& pair) {
  const auto [sums, differences, first, second, count] = pair;
  const auto add = [sums = sums, differences = differences, count = count](float* to, float sign) NASNET_INLINED {
    if (to == nullptr) return;
    alongRow(count, [=](ptrdiff_t index, auto zero) NASNET_INLINED {
      using V = decltype(zero);
      const V term = loadAs<V>(sums + index) + loadAs<V>(differences + index) * sign;
      storeAs<V>(to + index, loadAs<V>(to + index) + term);
    });
  };
  add(first, 1);
  add(second, -1);
}

void pairInputs(const PairInputs& pair) {
  const float *q0 = pair.terms, *q1 = q0 + pair.pitch, *q2 = q1 + pair.pitch, *q3 = q2 + pair.pitch;
  float *d0 = pair.rows[0], *d1 = pair.rows[1], *d2 = pair.rows[2], *d3 = pair.rows[3];
  alongRow(pair.pitch, [=](ptrdiff_t index, auto zero) NASNET_INLINED {
    using V = decltype(zero);
    const V t0 = loadAs<V>(q0 + index), t1 = loadAs<V>(q1 + index), t2 = loadAs<V>(q2 + index),
            t3 = loadAs<V>(q3 + index);
    storeAs<V>(d0 + index, loadAs<V>(d0 + index) + t0);
    storeAs<V>(d1 + index, loadAs<V>(d1 + index) + ((t1 - t2) + t3));
    storeAs<V>(d2 + index, loadAs<V>(d2 + index) + ((t1 + t2) - t0));
    storeAs<V>(d3 + index, loadAs<V>(d3 + index) - t3);
  });
}

}  // namespace
}  // namespace nasnet::kernels
