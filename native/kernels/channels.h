// Work on each channel of a line of pixels: sums over a channel, and values from what is known of their channel. All parameters are
// laid out along one period, a multiple of the channels and of the vector's width.
#pragma once

#include "loops.h"
#include "vector.h"

namespace nasnet::kernels {
namespace {

/** values[j] − centre and its square, or gradients[j] and its product with values[j] − centre, summed by j mod period. */
template <bool withGradients>
NASNET_INLINE void sumChannels(const ChannelSums s) {
  for (ptrdiff_t phase = 0; phase < s.period; phase += width) {
    const Vector centre = load(s.centres + phase);
    Vector sums[4] = {}, products[4] = {};
    const auto add = [&](auto chain, ptrdiff_t j) __attribute__((always_inline)) {
      const Vector away = load(s.values + j) - centre;
      const Vector factor = withGradients ? load(s.gradients + j) : away;
      sums[chain] += factor;
      products[chain] += factor * away;
    };
    ptrdiff_t j = phase;
    for (; j + 3 * s.period + width <= s.count; j += 4 * s.period) {
      repeat<4>([&](auto chain) __attribute__((always_inline)) { add(chain, j + chain * s.period); });
    }
    for (; j + width <= s.count; j += s.period) add(std::integral_constant<int, 0>{}, j);
    store(s.sums + phase, (sums[0] + sums[1]) + (sums[2] + sums[3]));
    store(s.products + phase, (products[0] + products[1]) + (products[2] + products[3]));
    for (ptrdiff_t lane = 0; j + lane < s.count; ++lane) {  // where the line ends within a vector
      const float away = s.values[j + lane] - s.centres[phase + lane];
      const float factor = withGradients ? s.gradients[j + lane] : away;
      s.sums[phase + lane] += factor;
      s.products[phase + lane] += factor * away;
    }
  }
}

void channelSums(const ChannelSums& sums) {
  if (sums.gradients != nullptr) sumChannels<true>(sums);
  else sumChannels<false>(sums);
}

template <bool withGradients, bool relu>
NASNET_INLINE void scaleChannels(const ChannelScale s) {
  const Vector zero = {};
  for (ptrdiff_t start = 0; start < s.count; start += s.period) {
    const ptrdiff_t end = s.count - start < s.period ? s.count - start : s.period;
    ptrdiff_t phase = 0;
    for (; phase + width <= end; phase += width) {
      Vector value = (load(s.values + start + phase) - load(s.centres + phase)) * load(s.factors + phase) + load(s.shifts + phase);
      if (withGradients) value += load(s.gradients + start + phase) * load(s.gradientFactors + phase);
      if (relu) value = value <= zero ? zero : value;
      store(s.result + start + phase, value);
    }
    for (; phase < end; ++phase) {
      float value = (s.values[start + phase] - s.centres[phase]) * s.factors[phase] + s.shifts[phase];
      if (withGradients) value += s.gradients[start + phase] * s.gradientFactors[phase];
      if (relu) value = value <= 0 ? 0 : value;
      s.result[start + phase] = value;
    }
  }
}

void channelScale(const ChannelScale& scale) {
  if (scale.gradients != nullptr) scaleChannels<true, false>(scale);
  else if (scale.relu) scaleChannels<false, true>(scale);
  else scaleChannels<false, false>(scale);
}

void channelMask(const ChannelMask& of) {
  const ChannelMask m = of;
  const Vector zero = {};
  for (ptrdiff_t phase = 0; phase < m.period; phase += width) {
    const Vector centre = load(m.centres + phase), factor = load(m.factors + phase), shift = load(m.shifts + phase);
    Vector sums[2] = {}, products[2] = {};
    const auto pass = [&](auto chain, ptrdiff_t j) __attribute__((always_inline)) {
      const Vector away = load(m.values + j) - centre;
      const Vector kept = away * factor + shift <= zero ? zero : load(m.gradients + j);
      store(m.result + j, kept);
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
      const float away = m.values[j + lane] - m.centres[phase + lane];
      const float kept = away * m.factors[phase + lane] + m.shifts[phase + lane] <= 0 ? 0 : m.gradients[j + lane];
      m.result[j + lane] = kept;
      m.sums[phase + lane] += kept;
      m.products[phase + lane] += kept * away;
    }
  }
}

}  // namespace
}  // namespace nasnet::kernels
