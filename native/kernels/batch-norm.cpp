// See batch-norm.h.
#include "batch-norm.h"

#include <algorithm>
#include <utility>

#include "channel-lines.h"
#include "loops/loops.h"
#include "over-images.h"

namespace nasnet::kernels {

namespace {

constexpr int64_t blockFloats = 8192;  // 32 KiB: read once from memory, then by each phase from the first-level cache

struct Sums {
  std::vector<double> sums, products;  // [channels]
};

/**
 * Sums in float32 over one block, in float64 over the blocks, so that they are exact enough for any number of pixels.
 */
Sums sumsOver(const Pixels& pixels, const float* values, const float* gradients, const std::vector<float>& centres) {
  const int64_t channels = pixels.channels, period = static_cast<int64_t>(centres.size());
  const int64_t step = std::max<int64_t>(1, blockFloats / period) * period;
  std::vector<Sums> parts(at::get_num_threads());
  overImages(pixels.count, [&](int64_t part, int64_t begin, int64_t end) {
    std::vector<double> sums(period), products(period);
    std::vector<float> blockSums(period), blockProducts(period);
    for (int64_t start = begin * channels; start < end * channels; start += step) {
      const int64_t count = std::min(step, end * channels - start);
      loops().channelSums({values + start, gradients == nullptr ? nullptr : gradients + start, count, period,
                           centres.data(), blockSums.data(), blockProducts.data()});
      for (int64_t place = 0; place < period; ++place) {
        sums[place] += blockSums[place];
        products[place] += blockProducts[place];
      }
    }
    Sums& mine = parts[part];
    mine.sums.resize(channels);
    mine.products.resize(channels);
    for (int64_t place = 0; place < period; ++place) {
      mine.sums[place % channels] += sums[place];
      mine.products[place % channels] += products[place];
    }
  });
  Sums total{std::vector<double>(channels), std::vector<double>(channels)};
  for (const Sums& part : parts) {
    for (size_t channel = 0; channel < part.sums.size(); ++channel) {
      total.sums[channel] += part.sums[channel];
      total.products[channel] += part.products[channel];
    }
  }
  return total;
}

/** Calls loops().channelScale with what `made(begin, count)` says, for each thread's pixels in blocks. */
template <typename Made>
void scaled(const Pixels& pixels, const Made& made) {
  overImages(pixels.count, [&](int64_t, int64_t begin, int64_t end) {
    loops().channelScale(made(begin * pixels.channels, (end - begin) * pixels.channels));
  });
}

}  // namespace

// Around the first pixel's values, not around 0: squares of a mean far from 0 would swallow the variance.
Moments moments(const Pixels& pixels, const float* input) {
  const int64_t channels = pixels.channels;
  const std::vector<float> centres = tiled(lineOf(channels), channels, [&](int64_t channel) { return input[channel]; });
  const Sums found = sumsOver(pixels, input, nullptr, centres);
  Moments result{std::vector<double>(channels), std::vector<double>(channels)};
  for (int64_t channel = 0; channel < channels; ++channel) {
    const double away = found.sums[channel] / static_cast<double>(pixels.count);
    const double variance = found.products[channel] / static_cast<double>(pixels.count) - away * away;
    result.mean[channel] = centres[channel] + away;
    result.variance[channel] = variance < 0 ? 0 : variance;  // NaN stays
  }
  return result;
}

void normalise(const Pixels& pixels, const float* input, const float* mean, const float* factor, const float* shift,
               float* result) {
  const int64_t channels = pixels.channels, period = lineOf(channels);
  const auto line = [&](const float* values) {
    return tiled(period, channels, [&](int64_t channel) { return values[channel]; });
  };
  const std::vector<float> centres = line(mean), factors = line(factor), shifts = line(shift);
  scaled(pixels, [&](int64_t begin, int64_t count) {
    return ChannelScale{input + begin,  nullptr,        result + begin, count,   period,
                        centres.data(), factors.data(), shifts.data(),  nullptr, false};
  });
}

void normaliseGradients(const Pixels& pixels, const float* input, const float* mean, const float* inverse,
                        const float* weight, const float* gradient, float* inputGradient, float* weightGradient,
                        float* biasGradient) {
  const int64_t channels = pixels.channels, period = lineOf(channels);
  const auto line = [&](const auto& value) { return tiled(period, channels, value); };
  const std::vector<float> centres = line([&](int64_t channel) { return mean[channel]; });
  const Sums found = sumsOver(pixels, input, gradient, centres);
  for (int64_t channel = 0; channel < channels; ++channel) {
    biasGradient[channel] = static_cast<float>(found.sums[channel]);
    weightGradient[channel] = static_cast<float>(found.products[channel] * inverse[channel]);
  }
  if (inputGradient == nullptr) return;
  // scale · (gradient − its mean − normalised input · mean of their product), scale = weight · inverse
  const double share = 1 / static_cast<double>(pixels.count);
  const auto scale = [&](int64_t channel) { return static_cast<double>(weight[channel]) * inverse[channel]; };
  const std::vector<float> gradientFactors = line(scale);
  const std::vector<float> shifts =
      line([&](int64_t channel) { return -scale(channel) * found.sums[channel] * share; });
  const std::vector<float> factors = line([&](int64_t channel) {
    return -scale(channel) * inverse[channel] * inverse[channel] * found.products[channel] * share;
  });
  scaled(pixels, [&](int64_t begin, int64_t count) {
    return ChannelScale{input + begin,  gradient + begin, inputGradient + begin,  count, period, centres.data(),
                        factors.data(), shifts.data(),    gradientFactors.data(), false};
  });
}

}  // namespace nasnet::kernels
