// See unit-dense.h.
#include "unit-dense.h"

namespace nasnet::kernels {

DenseTaps::DenseTaps(const Unit& unit, const Plane& plane, const Weight& weight)
    : window_(unit.window), outputs_(unit.outputs),
      together_(unit.window.columns.stride == 1 && unit.window.columns.dilation == 1 ? unit.window.columns.kernel : 1),
      forward_(window_.rows.kernel * window_.columns.kernel * window_.channels, outputs_,
               [&](int64_t k, int64_t output) {
                 const int64_t tap = k / window_.channels;
                 return weight.at(output, k % window_.channels, tap / window_.columns.kernel, tap % window_.columns.kernel);
               }),
      backward_(window_.rows.kernel * window_.columns.kernel * outputs_, window_.channels, [&](int64_t k, int64_t channel) {
        const int64_t tap = k / outputs_;
        return weight.at(k % outputs_, channel, tap / window_.columns.kernel, tap % window_.columns.kernel);
      }) {
  for (int64_t tap = 0; tap < window_.columns.kernel; ++tap) columns_.push_back(plane.column(tap * window_.columns.dilation));
}

void DenseTaps::run(const Plane& plane, int64_t y, float* to) const {
  const int64_t channels = window_.channels, taps = window_.columns.kernel;
  for (int64_t row = 0; row < window_.rows.kernel; ++row) {
    const float* line = plane.row(y * window_.rows.stride + row * window_.rows.dilation);
    for (int64_t tap = 0; tap < taps; tap += together_) {
      loops().product({line + columns_[tap], channels, false, forward_.values.get() + (row * taps + tap) * channels * forward_.pitch,
                       forward_.pitch, to, outputs_, window_.columns.result, outputs_, together_ * channels, row + tap > 0});
    }
  }
}

void DenseTaps::addToInput(const Plane& plane, int64_t y, const float* gradient) const {
  const int64_t channels = window_.channels, taps = window_.columns.kernel;
  for (int64_t row = 0; row < window_.rows.kernel; ++row) {
    float* line = plane.row(y * window_.rows.stride + row * window_.rows.dilation);
    for (int64_t tap = 0; tap < taps; ++tap) {
      loops().product({gradient, outputs_, false, backward_.values.get() + (row * taps + tap) * outputs_ * backward_.pitch, backward_.pitch,
                       line + columns_[tap], channels, window_.columns.result, channels, outputs_, true});
    }
  }
}

void DenseTaps::addToWeight(const Plane& plane, int64_t y, int64_t count, const float* gradient, float* room, float* sums) const {
  const int64_t channels = window_.channels, taps = window_.columns.kernel, wide = together_ * channels, length = window_.columns.result;
  for (int64_t row = 0; row < window_.rows.kernel; ++row) {
    for (int64_t tap = 0; tap < taps; tap += together_) {
      for (int64_t each = 0; each < count; ++each) {
        const float* line = plane.row((y + each) * window_.rows.stride + row * window_.rows.dilation) + columns_[tap];
        loops().copyPixels({room + each * length * wide, wide, line, channels, length, wide, false});
      }
      loops().product({room, wide, true, gradient, outputs_, sums + (row * taps + tap) * channels * outputs_, outputs_, wide, outputs_,
                       count * length, true});
    }
  }
}

}  // namespace nasnet::kernels
