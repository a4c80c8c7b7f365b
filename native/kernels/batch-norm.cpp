// See batch-norm.h.
#include "batch-norm.h"

#include <algorithm>
#include <utility>

#include "channel-lines.h"
#include "loops/loops.h"
#include "over-images.h"

namespace nasnet::kernels {

namespace {

constexpr int64_t blockFloats = 8192;  // summed in float32 before float64 takes over

/**
 * Returns Σ x and Σ x · (value − centre) of each channel; x is the gradient if there are gradients, else value −
 * centre.
 */
std::vector<ChannelTotal> totalsOver(const Pixels& pixels, const float* values, const float* gradients,
                                     const std::vector<float>& centres) {
  const int64_t channels = pixels.channels, period = static_cast<int64_t>(centres.size());
  const int64_t step = std::max<int64_t>(1, blockFloats / period) * period;
  std::vector<ChannelTotals> parts(at::get_num_threads(), ChannelTotals(channels));
  overImages(pixels.count, [&](int64_t part, int64_t begin, int64_t end) {
    ChannelTotals& mine = parts[part];
    for (int64_t start = begin * channels; start < end * channels; start += step) {
      const int64_t count = std::min(step, end * channels - start);
      loops().channelSums({values + start, gradients == nullptr ? nullptr : gradients + start, count, period,
                           centres.data(), mine.sums(), mine.products()});
      mine.add();
    }
  });
  std::vector<ChannelTotal> totals;
  for (int64_t channel = 0; channel < channels; ++channel) totals.emplace_back(parts, channel);
  return totals;
}

/** Calls loops().channelScale with the arguments of `made(begin, count)`, for each thread's pixels in blocks. */
template <typename Made>
void scaled(const Pixels& pixels, const Made& made) {
  overImages(pixels.count, [&](int64_t, int64_t begin, int64_t end) {
    loops().channelScale(made(begin * pixels.channels, (end - begin) * pixels.channels));
  });
}

}  // namespace

// Centred at the values of the first pixel and not at 0, since the squares of a large mean would cancel the variance.
Moments moments(const Pixels& pixels, const float* input) {
  const int64_t channels = pixels.channels;
  const std::vector<float> centres =
      tiled(periodOf(channels), channels, [&](int64_t channel) { return input[channel]; });
  const std::vector<ChannelTotal> totals = totalsOver(pixels, input, nullptr, centres);
  Moments result{std::vector<double>(channels), std::vector<double>(channels)};
  for (int64_t channel = 0; channel < channels; ++channel) {
    const double away = totals[channel].sum / static_cast<double>(pixels.count);
    const double variance = totals[channel].product / static_cast<double>(pixels.count) - away * away;
    result.mean[channel] = centres[channel] + away;
    result.variance[channel] = variance < 0 ? 0 : variance;  // NaN stays
  }
  return result;
}

void normalise(const Pixels& pixels, const float* input, const Norm& norm, float* result) {
  const NormLines lines(norm, pixels.channels);
  scaled(pixels, [&](int64_t begin, int64_t count) {
    return ChannelScale{
        input + begin,       Stored(), result + begin, count, lines.period, lines.centres.data(), lines.factors.data(),
        lines.shifts.data(), nullptr,  false};
  });
}

// Without GradientLines: weight · inverse is a float64 here, since no unit has rounded it.
void normaliseGradients(const Pixels& pixels, const float* input, const Norm& norm, const float* weight,
                        const float* gradient, float* inputGradient, float* weightGradient, float* biasGradient) {
  const int64_t channels = pixels.channels, period = lineOf(channels);
  const auto line = [&](const auto& value) { return tiled(period, channels, value); };
  const auto mean = [&](int64_t channel) { return norm.mean[channel]; };
  const std::vector<float> centres = line(mean);
  const std::vector<ChannelTotal> totals =
      totalsOver(pixels, input, gradient, tiled(periodOf(channels), channels, mean));
  for (int64_t channel = 0; channel < channels; ++channel) {
    biasGradient[channel] = static_cast<float>(totals[channel].sum);
    weightGradient[channel] = static_cast<float>(totals[channel].product * norm.inverse[channel]);
  }
  if (inputGradient == nullptr) return;
  // scale · (gradient − its mean − normalised input · mean of their product), scale = weight · inverse
  const double share = 1 / static_cast<double>(pixels.count);
  const auto scale = [&](int64_t channel) { return static_cast<double>(weight[channel]) * norm.inverse[channel]; };
  const std::vector<float> gradientFactors = line(scale);
  const std::vector<float> shifts =
      line([&](int64_t channel) { return -scale(channel) * totals[channel].sum * share; });
  const std::vector<float> factors = line([&](int64_t channel) {
    return -scale(channel) * norm.inverse[channel] * norm.inverse[channel] * totals[channel].product * share;
  });
  scaled(pixels, [&](int64_t begin, int64_t count) {
    return ChannelScale{input + begin,  gradient + begin, inputGradient + begin,  count, period, centres.data(),
                        factors.data(), shifts.data(),    gradientFactors.data(), false};
  });
}

}  // namespace nasnet::kernels
