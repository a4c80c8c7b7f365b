// See unit-dense.h.
#include "unit-dense.h"

namespace nasnet::kernels {

DenseTaps::DenseTaps(const Unit& unit, const Plane& plane)
    : window_(unit.window), outputs_(unit.outputs), together_(tapsTogether(unit)),
      columns_(columnOffsets(window_, plane)),
      inputs_(unit.numbers, window_.columns.result, together_ * window_.channels),
      gradients_(unit.numbers, window_.columns.result, outputs_),
      room_(bandRows(unit) * window_.columns.result * together_ * window_.channels + 32),
      patches_(unit.numbers, bandRows(unit) * window_.columns.result, together_ * window_.channels),
      outputGradients_(unit.numbers, bandRows(unit) * window_.columns.result, outputs_) {}

void DenseTaps::run(const Plane& plane, int64_t y, int64_t count, const Right& products, float* to) {
  const int64_t channels = window_.channels, taps = window_.columns.kernel, length = window_.columns.result;
  for (const int64_t end = y + count; y < end; ++y, to += length * outputs_) {
    for (int64_t row = 0; row < window_.rows.kernel; ++row) {
      const float* line = plane.row(y * window_.rows.stride + row * window_.rows.dilation);
      for (int64_t tap = 0; tap < taps; tap += together_) {
        inputs_.take(line + columns_[tap], channels, length);
        inputs_.times(products, (row * taps + tap) / together_, 0, length, {to, outputs_, row + tap > 0});
      }
    }
  }
}

void DenseTaps::take(const Stored& gradient, int64_t count) {
  resultGradient_ = gradient;
  gradientRows_ = count;
}

void DenseTaps::addToInput(const Plane& plane, int64_t y, const Right& products) {
  const int64_t channels = window_.channels, taps = window_.columns.kernel, length = window_.columns.result;
  for (int64_t each = 0; each < gradientRows_; ++each) {
    gradients_.take(resultGradient_ + each * length * outputs_, outputs_, length);
    for (int64_t row = 0; row < window_.rows.kernel; ++row) {
      float* line = plane.row((y + each) * window_.rows.stride + row * window_.rows.dilation);
      for (int64_t tap = 0; tap < taps; ++tap)
        gradients_.times(products, row * taps + tap, 0, length, {line + columns_[tap], channels, true});
    }
  }
}

void DenseTaps::addToWeight(const Plane& plane, int64_t y, float* sums) {
  const int64_t channels = window_.channels, taps = window_.columns.kernel, wide = together_ * channels,
                length = window_.columns.result, count = gradientRows_;
  outputGradients_.take(resultGradient_, count * length);
  for (int64_t row = 0; row < window_.rows.kernel; ++row) {
    for (int64_t tap = 0; tap < taps; tap += together_) {
      for (int64_t each = 0; each < count; ++each) {
        const float* line = plane.row((y + each) * window_.rows.stride + row * window_.rows.dilation) + columns_[tap];
        loops().copyPixels({room_.get() + each * length * wide, wide, line, channels, length, wide, false});
      }
      patches_.take(room_.get(), count * length);
      patches_.addTo(sums + (row * taps + tap) * channels * outputs_, outputGradients_);
    }
  }
}

}  // namespace nasnet::kernels
