// Work on each channel of a line of pixels: sums over a channel, and values from what is known of their channel. All
// parameters are laid out along one period, a multiple of the channels and of the vector's width.
#pragma once

#include "bf16.h"
#include "loops.h"
#include "vector.h"

namespace nasnet::kernels {
namespace {

/** Vectors of a period whose sums fit the registers at once, so that memory is read in its order where they are all. */
constexpr ptrdiff_t mostPhases = 6;

/** Sums of each of `phases` vectors that hide the latency of additions. */
template <int phases>
constexpr int chainsOf = phases >= 4 ? 1 : 6 / phases;

/** body(phases, first) for all vectors of a period in groups, the number of vectors being a constant. */
template <typename Body>
NASNET_INLINE void inPhases(ptrdiff_t period, Body&& body) {
  ptrdiff_t left = period / width, first = 0;
  for (; left >= mostPhases; left -= mostPhases, first += mostPhases * width)
    body(std::integral_constant<int, mostPhases>{}, first);
  repeat<mostPhases - 1>([&](auto index) NASNET_INLINED {
    if (left == index + 1) body(std::integral_constant<int, index + 1>{}, first);
  });
}

/** Two sums of each of `phases` vectors over a line, from `first` on in every period. */
template <int phases>
struct PhaseSums {
  static constexpr int chains = chainsOf<phases>;
  static constexpr ptrdiff_t terms = 16;  // added one to another: sums of sums lose less in float32 than one long sum
  Vector sums[chains][phases], products[chains][phases];

  /**
   * Writes the sums; add(chain, phase, place) adds a vector to its own.
   * @returns where the last whole vectors end
   */
  template <typename Add>
  NASNET_INLINE ptrdiff_t over(ptrdiff_t first, ptrdiff_t period, ptrdiff_t count, float* toSums, float* toProducts,
                               Add&& add) {
    constexpr ptrdiff_t group = phases * width;
    const Vector zero = {};
    repeat<phases>([&](auto phase) NASNET_INLINED {
      store(toSums + phase * width, zero);
      store(toProducts + phase * width, zero);
    });
    const auto all = [&](auto chain, ptrdiff_t from) NASNET_INLINED {
      repeat<phases>([&](auto phase) NASNET_INLINED { add(chain, phase, from + phase * width); });
    };
    ptrdiff_t j = first;
    for (ptrdiff_t start = 0; start < count; start += terms * chains * period) {
      const ptrdiff_t end = count - start < terms * chains * period ? count : start + terms * chains * period;
      repeat<chains>([&](auto chain) NASNET_INLINED {
        repeat<phases>([&](auto phase) NASNET_INLINED { sums[chain][phase] = products[chain][phase] = zero; });
      });
      for (; j + (chains - 1) * period + group <= end; j += chains * period)
        repeat<chains>([&](auto chain) NASNET_INLINED { all(chain, j + chain * period); });
      if constexpr (chains > 1)
        for (; j + group <= end; j += period) all(std::integral_constant<int, 0>{}, j);
      repeat<phases>([&](auto phase) NASNET_INLINED {
        addUp(sums, phase, toSums);
        addUp(products, phase, toProducts);
      });
    }
    return j;
  }

 private:
  static NASNET_INLINE void addUp(Vector (&of)[chains][phases], int phase, float* to) {
    Vector sum = of[0][phase];
    repeat<chains - 1>([&](auto more) NASNET_INLINED { sum += of[more + 1][phase]; });
    store(to + phase * width, load(to + phase * width) + sum);
  }
};

/**
 * values[j] − centre and its square, or gradients[j] and its product with values[j] − centre, summed by j mod period.
 */
template <bool withGradients, typename From>
NASNET_INLINE void sumChannels(const ChannelSums s, const From* values) {
  const From* gradients = static_cast<const From*>(s.gradients.data);
  inPhases(s.period, [&](auto phases, ptrdiff_t first) NASNET_INLINED {
    PhaseSums<phases> all;
    const ptrdiff_t end = all.over(first, s.period, s.count, s.sums + first, s.products + first,
                                   [&](auto chain, auto phase, ptrdiff_t place) NASNET_INLINED {
                                     const Vector away = load(values + place) - load(s.centres + first + phase * width);
                                     const Vector factor = withGradients ? load(gradients + place) : away;
                                     all.sums[chain][phase] += factor;
                                     all.products[chain][phase] += factor * away;
                                   });
    for (ptrdiff_t lane = 0; end + lane < s.count && lane < phases * width; ++lane) {  // the line ends within a group
      const float away = number(values + end + lane) - s.centres[first + lane];
      const float factor = withGradients ? number(gradients + end + lane) : away;
      s.sums[first + lane] += factor;
      s.products[first + lane] += factor * away;
    }
  });
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
  inPhases(m.period, [&](auto phases, ptrdiff_t first) NASNET_INLINED {
    PhaseSums<phases> all;
    const ptrdiff_t end = all.over(first, m.period, m.count, m.sums + first, m.products + first,
                                   [&](auto chain, auto phase, ptrdiff_t place) NASNET_INLINED {
                                     const ptrdiff_t channel = first + phase * width;
                                     const Vector away = load(values + place) - load(m.centres + channel);
                                     const Vector before = away * load(m.factors + channel) + load(m.shifts + channel);
                                     const Vector kept = before <= zero ? zero : load(m.gradients + place);
                                     store(result + place, kept);
                                     all.sums[chain][phase] += kept;
                                     all.products[chain][phase] += kept * away;
                                   });
    for (ptrdiff_t lane = 0; end + lane < m.count && lane < phases * width; ++lane) {  // the line ends within a group
      const ptrdiff_t place = end + lane, channel = first + lane;
      const float away = number(values + place) - m.centres[channel];
      const float kept = away * m.factors[channel] + m.shifts[channel] <= 0 ? 0 : m.gradients[place];
      put(result + place, kept);
      m.sums[channel] += kept;
      m.products[channel] += kept * away;
    }
  });
}

void channelMask(const ChannelMask& mask) {
  typed(mask.values, [&](auto* values) NASNET_INLINED { maskChannels(mask, values); });
}

}  // namespace
}  // namespace nasnet::kernels
