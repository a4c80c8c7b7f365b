// Work on each channel of a line of pixels: sums over a channel, and values from what is known of their channel. All
// parameters are laid out along one period, a multiple of the channels and of the vector's width.
#pragma once

#include "bf16.h"
#include "loops.h"
#include "vector.h"

namespace nasnet::kernels {
namespace {

/**
 * values[j] − centre and its square, or gradients[j] and its product with values[j] − centre, summed by j mod period.
 */
template <bool withGradients, typename From>
NASNET_INLINE void sumChannels(const ChannelSums s, const From* values) {
  const From* gradients = static_cast<const From*>(s.gradients.data);
  for (ptrdiff_t phase = 0; phase < s.period; phase += width) {
    const Vector centre = load(s.centres + phase);
    Vector sums[4] = {}, products[4] = {};
    const auto add = [&](auto chain, ptrdiff_t j) NASNET_INLINED {
      const Vector away = load(values + j) - centre;
      const Vector factor = withGradients ? load(gradients + j) : away;
      sums[chain] += factor;
      products[chain] += factor * away;
    };
    ptrdiff_t j = phase;
    for (; j + 3 * s.period + width <= s.count; j += 4 * s.period) {
      repeat<4>([&](auto chain) NASNET_INLINED { add(chain, j + chain * s.period); });
    }
    for (; j + width <= s.count; j += s.period) add(std::integral_constant<int, 0>{}, j);
    store(s.sums + phase, (sums[0] + sums[1]) + (sums[2] + sums[3]));
    store(s.products + phase, (products[0] + products[1]) + (products[2] + products[3]));
    for (ptrdiff_t lane = 0; j + lane < s.count; ++lane) {  // where the line ends within a vector
      const float away = number(values + j + lane) - s.centres[phase + lane];
      const float factor = withGradients ? number(gradients + j + lane) : away;
      s.sums[phase + lane] += factor;
      s.products[phase + lane] += factor * away;
    }
  }
}

void channelSums(const ChannelSums& sums) {
  typed(sums.values, [&](auto* values) NASNET_INLINED {
    if (sums.gradients.data != nullptr) sumChannels<true>(sums, values);
    else sumChannels<false>(sums, values);
  });
}

template <bool withGradients, bool relu, typename From, typename To>
NASNET_INLINE void scaleChannels(const ChannelScale s, const From* values, To* result) {
  const From* gradients = static_cast<const From*>(s.gradients.data);
  const Vector zero = {};
  for (ptrdiff_t start = 0; start < s.count; start += s.period) {
    const ptrdiff_t end = s.count - start < s.period ? s.count - start : s.period;
    ptrdiff_t phase = 0;
    for (; phase + width <= end; phase += width) {
      Vector value =
          (load(values + start + phase) - load(s.centres + phase)) * load(s.factors + phase) + load(s.shifts + phase);
      if (withGradients) value += load(gradients + start + phase) * load(s.gradientFactors + phase);
      if (relu) value = value <= zero ? zero : value;
      store(result + start + phase, value);
    }
    for (; phase < end; ++phase) {
      float value = (number(values + start + phase) - s.centres[phase]) * s.factors[phase] + s.shifts[phase];
      if (withGradients) value += number(gradients + start + phase) * s.gradientFactors[phase];
      if (relu) value = value <= 0 ? 0 : value;
      put(result + start + phase, value);
    }
  }
}

void channelScale(const ChannelScale& scale) {
  typed(scale.values, [&](auto* values) NASNET_INLINED {
    typed(scale.result, [&](auto* result) NASNET_INLINED {
      if (scale.gradients.data != nullptr) scaleChannels<true, false>(scale, values, result);
      else if (scale.relu) scaleChannels<false, true>(scale, values, result);
      else scaleChannels<false, false>(scale, values, result);
    });
  });
}

template <typename Value>
NASNET_INLINE void maskChannels(const ChannelMask m, const Value* values) {
  Value* result = static_cast<Value*>(m.result.data);
  const Vector zero = {};
  for (ptrdiff_t phase = 0; phase < m.period; phase += width) {
    const Vector centre = load(m.centres + phase), factor = load(m.factors + phase), shift = load(m.shifts + phase);
    Vector sums[2] = {}, products[2] = {};
    const auto pass = [&](auto chain, ptrdiff_t j) NASNET_INLINED {
      const Vector away = load(values + j) - centre;
      const Vector kept = away * factor + shift <= zero ? zero : load(m.gradients + j);
      store(result + j, kept);
      sums[chain] += kept;
      products[chain] += kept * away;
    };
    ptrdiff_t j = phase;
    for (; j + m.period + width <= m.count; j += 2 * m.period) {
      pass(std::integral_constant<int, 0>{}, j);
      pass(std::integral_constant<int, 1>{}, j + m.period);
    }
    for (; j + width <= m.count; j += m.period) pass(std::integral_constant<int, 0>{}, j);
    store(m.sums + phase, sums[0] + sums[1]);
    store(m.products + phase, products[0] + products[1]);
    for (ptrdiff_t lane = 0; j + lane < m.count && lane < width; ++lane) {  // where the line ends within a vector
      const float away = number(values + j + lane) - m.centres[phase + lane];
      const float kept = away * m.factors[phase + lane] + m.shifts[phase + lane] <= 0 ? 0 : m.gradients[j + lane];
      put(result + j + lane, kept);
      m.sums[phase + lane] += kept;
      m.products[phase + lane] += kept * away;
    }
  }
}

void channelMask(const ChannelMask& mask) {
  typed(mask.values, [&](auto* values) NASNET_INLINED { maskChannels(mask, values); });
}

}  // namespace
}  // namespace nasnet::kernels
