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

/** The last channels of a pixel, fewer than a vector's. */
template <bool relu>
NASNET_INLINE void copyRest(float* to, const float* from, ptrdiff_t count) {
  if constexpr (width >= 8) {
    if (count >= width / 2) {
      const Half value = loadAs<Half>(from), zero = {};
      storeAs<Half>(to, relu ? (value <= zero ? zero : value) : value);
      to += width / 2;
      from += width / 2;
      count -= width / 2;
    }
  }
  for (ptrdiff_t index = 0; index < count; ++index) to[index] = relu && from[index] <= 0 ? 0 : from[index];
}

template <bool relu>
NASNET_INLINE void copyAllPixels(const PixelCopy c) {
  const Vector zero = {};
  const float* from = c.from;
  float* to = c.to;
  for (ptrdiff_t pixel = 0; pixel < c.pixels; ++pixel, from += c.fromPitch, to += c.toPitch) {
    ptrdiff_t index = 0;
    for (; index + width <= c.channels; index += width) {
      const Vector value = load(from + index);
      store(to + index, relu ? (value <= zero ? zero : value) : value);
    }
    if (index < c.channels) copyRest<relu>(to + index, from + index, c.channels - index);
  }
}

void copyPixels(const PixelCopy& pixels) {
  if (pixels.relu) copyAllPixels<true>(pixels);
  else copyAllPixels<false>(pixels);
}

void mask(float* to, const float* from, const float* input, ptrdiff_t count) {
  const Vector zero = {};
  ptrdiff_t index = 0;
  for (; index + width <= count; index += width) {
    store(to + index, load(input + index) <= zero ? zero : load(from + index));
  }
  for (; index < count; ++index) to[index] = input[index] <= 0 ? 0 : from[index];
}

void add(float* to, const float* from, ptrdiff_t count) {
  ptrdiff_t index = 0;
  for (; index + width <= count; index += width) store(to + index, load(to + index) + load(from + index));
  for (; index < count; ++index) to[index] += from[index];
}

void scale(float* to, const float* from, const float* factors, float factor, ptrdiff_t count) {
  ptrdiff_t index = 0;
  for (; index + width <= count; index += width) store(to + index, load(from + index) * (load(factors + index) * factor));
  for (; index < count; ++index) to[index] = from[index] * (factors[index] * factor);
}

}  // namespace
}  // namespace nasnet::kernels
