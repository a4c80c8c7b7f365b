// Whole rows copied, masked and scaled.
#pragma once

#include "loops.h"
#include "vector.h"

namespace nasnet::kernels {
namespace {

void copy(float* to, const float* from, ptrdiff_t count, bool relu) {
  const Vector zero = {};
  ptrdiff_t index = 0;
  if (relu) {
    for (; index + width <= count; index += width) {
      const Vector value = load(from + index);
      store(to + index, value <= zero ? zero : value);
    }
    for (; index < count; ++index) to[index] = from[index] <= 0 ? 0 : from[index];
  } else {
    for (; index + width <= count; index += width) store(to + index, load(from + index));
    for (; index < count; ++index) to[index] = from[index];
  }
}

void mask(float* values, const float* input, ptrdiff_t count) {
  const Vector zero = {};
  ptrdiff_t index = 0;
  for (; index + width <= count; index += width) {
    store(values + index, load(input + index) <= zero ? zero : load(values + index));
  }
  for (; index < count; ++index) {
    if (input[index] <= 0) values[index] = 0;
  }
}

void scale(float* to, const float* from, const float* factors, float factor, ptrdiff_t count) {
  ptrdiff_t index = 0;
  for (; index + width <= count; index += width) store(to + index, load(from + index) * (load(factors + index) * factor));
  for (; index < count; ++index) to[index] = from[index] * (factors[index] * factor);
}

}  // namespace
}  // namespace nasnet::kernels
