// See norms.h.
#include "norms.h"

#include <cmath>

#include "operands.h"

namespace nasnet::kernels {

at::Tensor normOf(const Norms& norms, const Moments& batch, int64_t pixels) {
  const int64_t channels = norms.scale.size(0);
  at::Tensor rows = emptyFloats({4, channels});
  const float *scale = floatsOf(norms.scale), *shift = floatsOf(norms.shift);
  float *movingMean = floatsOf(norms.movingMean), *movingVariance = floatsOf(norms.movingVariance);
  float* to = floatsOf(rows);
  const double unbiased = static_cast<double>(pixels) / static_cast<double>(pixels - 1);
  const auto moved = [&](float old, double fresh) {
    return static_cast<float>((1 - norms.momentum) * old + norms.momentum * fresh);
  };
  for (int64_t channel = 0; channel < channels; ++channel) {
    const double mean = norms.training ? batch.mean[channel] : movingMean[channel];
    const double variance = norms.training ? batch.variance[channel] : movingVariance[channel];
    const double inverse = 1 / std::sqrt(variance + norms.epsilon);
    to[channel] = static_cast<float>(mean);
    to[channels + channel] = static_cast<float>(inverse * scale[channel]);
    to[2 * channels + channel] = shift[channel];
    to[3 * channels + channel] = static_cast<float>(inverse);
    if (!norms.training) continue;
    movingMean[channel] = moved(movingMean[channel], mean);
    movingVariance[channel] = moved(movingVariance[channel], variance * unbiased);
  }
  // Whoever keeps what is made of them sees by their versions that they were written.
  if (norms.training)
    for (const at::Tensor& each : {norms.movingMean, norms.movingVariance}) each.unsafeGetTensorImpl()->bump_version();
  return rows;
}

}  // namespace nasnet::kernels
