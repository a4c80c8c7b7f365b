// Parameters of channels, repeated along a line of pixels for the loops; and sums over channels in blocks that fit the
// first-level cache.
#pragma once

#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

#include "batch-norm.h"
#include "long-sums.h"
#include "loops/loops.h"

namespace nasnet::kernels {

/** Returns the floats of the shortest line of whole pixels and whole vectors, along which sums over channels go. */
inline int64_t periodOf(int64_t channels) { return std::lcm<int64_t>(channels, loops().width); }

/** Returns the floats of such a line for parameters, at least 64. */
inline int64_t lineOf(int64_t channels) {
  const int64_t least = periodOf(channels);
  return least * ((63 + least) / least);
}

/** A value of each channel along a line. */
template <typename Value>
std::vector<float> tiled(int64_t period, int64_t channels, const Value& value) {
  std::vector<float> line(period);
  for (int64_t channel = 0; channel < channels; ++channel) line[channel] = static_cast<float>(value(channel));
  for (int64_t place = channels; place < period; ++place) line[place] = line[place - channels];
  return line;
}

/** A norm along a line. */
struct NormLines {
  int64_t period;
  std::vector<float> centres, factors, shifts;
  NormLines(const Norm& norm, int64_t channels)
      : period(lineOf(channels)), centres(tiled(period, channels, [&](int64_t c) { return norm.mean[c]; })),
        factors(tiled(period, channels, [&](int64_t c) { return norm.factor[c]; })),
        shifts(tiled(period, channels, [&](int64_t c) { return norm.shift[c]; })) {}
};

/**
 * The gradient of a normalised batch to what was normalised: gradient · gradientFactor + (x − mean) · factor + shift.
 */
struct GradientLines {
  int64_t period;
  std::vector<float> centres, factors, shifts, gradientFactors;

  /** sums: Σ gradient · normalised x, then Σ gradient, [2, channels], over `count` pixels. */
  GradientLines(const Norm& norm, const float* sums, int64_t channels, int64_t count) : period(lineOf(channels)) {
    const double share = 1 / static_cast<double>(count);
    centres = tiled(period, channels, [&](int64_t c) { return norm.mean[c]; });
    gradientFactors = tiled(period, channels, [&](int64_t c) { return norm.factor[c]; });
    factors = tiled(period, channels, [&](int64_t c) {
      return -static_cast<double>(norm.factor[c]) * norm.inverse[c] * sums[c] * share;
    });
    shifts = tiled(period, channels,
                   [&](int64_t c) { return -static_cast<double>(norm.factor[c]) * sums[channels + c] * share; });
  }
};

/** Two sums for each channel, collected block by block. */
class ChannelTotals {
 public:
  explicit ChannelTotals(int64_t channels) : channels_(channels), period_(periodOf(channels)), places_(2 * period_) {}

  /** The sums and products of a block, which the loops write and add() adds. */
  float* sums() { return places_.floats(); }
  float* products() { return places_.floats() + period_; }
  void add() { places_.take(); }

  double sum(int64_t channel) const { return total(channel, 0); }
  double product(int64_t channel) const { return total(channel, period_); }

 private:
  double total(int64_t channel, int64_t start) const {
    double found = 0;
    for (int64_t place = channel; place < period_; place += channels_) found += places_.sums()[start + place];
    return found;
  }

  int64_t channels_, period_;
  LongSums places_;
};

/** A channel's sum and product over several threads' totals, `apart` from one to the next. */
struct ChannelTotal {
  double sum = 0, product = 0;

  ChannelTotal(const std::vector<ChannelTotals>& parts, int64_t channel, size_t first = 0, size_t apart = 1) {
    for (size_t part = first; part < parts.size(); part += apart) {
      sum += parts[part].sum(channel);
      product += parts[part].product(channel);
    }
  }
};

}  // namespace nasnet::kernels
