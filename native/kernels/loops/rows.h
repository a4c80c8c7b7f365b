// Copies, masks and scales whole rows.
#pragma once

#include <type_traits>

#include "bf16.h"
#include "loops.h"
#include "vector.h"

namespace nasnet::kernels {
namespace {

typedef short Row16 __attribute__((vector_size(4 * NASNET_WIDTH)));
typedef short UnalignedRow16 __attribute__((vector_size(4 * NASNET_WIDTH), aligned(2), may_alias));

template <bool relu, typename To, typename From>
NASNET_INLINE void copyRow(To* to, const From* from, ptrdiff_t count) {
  const Vector zero = {};
  ptrdiff_t index = 0;
  if constexpr (std::is_same_v<To, BFloat> && std::is_same_v<From, BFloat>) {
    const Row16 none = {};
    for (; index + 2 * width <= count; index += 2 * width) {
      const Row16 value = *reinterpret_cast<const UnalignedRow16*>(from + index);
      // As integers: from −0 to −∞ what is at most −128; beyond it NaN, which stays.
      *reinterpret_cast<UnalignedRow16*>(to + index) = relu ? (value <= -128 ? none : value) : value;
    }
  }
  for (; index + width <= count; index += width) {
    const Vector value = load(from + index);
    store(to + index, relu ? (value <= zero ? zero : value) : value);
  }
  for (; index < count; ++index) {
    const float value = number(from + index);
    put(to + index, relu && value <= 0 ? 0 : value);
  }
}

void copy(Room to, Stored from, ptrdiff_t count, bool relu) {
  typed(to, [&](auto* into) NASNET_INLINED {
    typed(from, [&](auto* of) NASNET_INLINED {
      if (relu) copyRow<true>(into, of, count);
      else copyRow<false>(into, of, count);
    });
  });
}

/** The last channels of a pixel, fewer than a vector's. */
template <bool relu, typename To, typename From>
NASNET_INLINE void copyRest(To* to, const From* from, ptrdiff_t count) {
  if constexpr (width >= 8 && std::is_same_v<To, float> && std::is_same_v<From, float>) {
    constexpr ptrdiff_t half = width / 2;
    if (count >= half) {
      const Half value = loadAs<Half>(from), last = loadAs<Half>(from + count - half), zero = {};
      storeAs<Half>(to, relu ? (value <= zero ? zero : value) : value);
      storeAs<Half>(to + count - half, relu ? (last <= zero ? zero : last) : last);
      return;
    }
  }
  for (ptrdiff_t index = 0; index < count; ++index) {
    const float value = number(from + index);
    put(to + index, relu && value <= 0 ? 0 : value);
  }
}

template <bool relu, typename To, typename From>
NASNET_INLINE void copyAllPixels(const PixelCopy c, To* to, const From* from) {
  const Vector zero = {};
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
  PixelCopy c = pixels;
  const bool even = c.channels % 2 == 0 && c.toPitch % 2 == 0 && c.fromPitch % 2 == 0;
  // pairs are as wide as floats
  if (even && !c.relu && c.to.numbers == Numbers::bf16 && c.from.numbers == Numbers::bf16) {
    c.to.numbers = c.from.numbers = Numbers::float32;
    c.channels /= 2;
    c.toPitch /= 2;
    c.fromPitch /= 2;
  }
  typed(c.to, [&](auto* to) NASNET_INLINED {
    typed(c.from, [&](auto* from) NASNET_INLINED {
      if (c.relu) copyAllPixels<true>(c, to, from);
      else copyAllPixels<false>(c, to, from);
    });
  });
}

/** Pixel after pixel, so that the whole, which is the widest, is read or written in its order. */
template <bool apart, typename Number>
NASNET_INLINE void interleavePixels(const Interleaving i, ptrdiff_t inOne) {
  Number* whole = static_cast<Number*>(i.whole.data);
  for (ptrdiff_t pixel = 0; pixel < i.pixels; ++pixel, whole += i.pitch / inOne) {
    Number* place = whole;
    for (int index = 0; index < i.count; ++index) {
      const Slice& slice = i.slices[index];
      const ptrdiff_t channels = slice.channels / inOne;
      Number* own = static_cast<Number*>(slice.values.data) + pixel * (slice.pitch / inOne);
      Number *to = apart ? own : place, *from = apart ? place : own;
      ptrdiff_t channel = 0;
      if constexpr (std::is_same_v<Number, float>) {
        for (; channel + width <= channels; channel += width) store(to + channel, load(from + channel));
        if (channel < channels) copyRest<false>(to + channel, from + channel, channels - channel);
      } else {
        for (; channel < channels; ++channel) to[channel] = from[channel];
      }
      place += channels;
    }
  }
}

void interleave(const Interleaving& interleaving) {
  const Interleaving i = interleaving;
  bool pairs = i.whole.numbers == Numbers::bf16 && i.pitch % 2 == 0;
  for (int index = 0; index < i.count; ++index)
    pairs = pairs && i.slices[index].channels % 2 == 0 && i.slices[index].pitch % 2 == 0;
  if (i.whole.numbers == Numbers::float32 || pairs) {  // pairs are as wide as floats
    const ptrdiff_t inOne = pairs ? 2 : 1;
    if (i.apart) interleavePixels<true, float>(i, inOne);
    else interleavePixels<false, float>(i, inOne);
  } else if (i.apart) {
    interleavePixels<true, BFloat>(i, 1);
  } else {
    interleavePixels<false, BFloat>(i, 1);
  }
}

void mask(Room to, const float* from, Stored input, ptrdiff_t count) {
  typed(input, [&](auto* values) NASNET_INLINED {
    auto* result = static_cast<std::remove_const_t<std::remove_pointer_t<decltype(values)>>*>(to.data);
    const Vector zero = {};
    ptrdiff_t index = 0;
    for (; index + width <= count; index += width) {
      store(result + index, load(values + index) <= zero ? zero : load(from + index));
    }
    for (; index < count; ++index) put(result + index, number(values + index) <= 0 ? 0 : from[index]);
  });
}

template <bool masked>
NASNET_INLINE void addRow(float* to, const float* from, const float* input, ptrdiff_t count) {
  const Vector zero = {};
  ptrdiff_t index = 0;
  for (; index + width <= count; index += width) {
    Vector value = load(from + index);
    if (masked) value = load(input + index) <= zero ? zero : value;
    store(to + index, load(to + index) + value);
  }
  for (; index < count; ++index) to[index] += masked && input[index] <= 0 ? 0 : from[index];
}

void addMasked(float* to, const float* from, const float* input, ptrdiff_t count) {
  if (input != nullptr) addRow<true>(to, from, input, count);
  else addRow<false>(to, from, input, count);
}

void add(float* to, Stored from, ptrdiff_t count) {
  typed(from, [&](auto* numbers) NASNET_INLINED {
    ptrdiff_t index = 0;
    for (; index + width <= count; index += width) store(to + index, load(to + index) + load(numbers + index));
    for (; index < count; ++index) to[index] += number(numbers + index);
  });
}

void scale(Room to, Stored from, const float* factors, float factor, ptrdiff_t count) {
  typed(to, [&](auto* into) NASNET_INLINED {
    typed(from, [&](auto* of) NASNET_INLINED {
      ptrdiff_t index = 0;
      for (; index + width <= count; index += width)
        store(into + index, load(of + index) * (load(factors + index) * factor));
      for (; index < count; ++index) put(into + index, number(of + index) * (factors[index] * factor));
    });
  });
}

}  // namespace
}  // namespace nasnet::kernels
