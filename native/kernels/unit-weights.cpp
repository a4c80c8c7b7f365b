// See unit-weights.h.
#include "unit-weights.h"

#include "depthwise-image.h"

namespace nasnet::kernels {

namespace {

int64_t tapsOf(const Unit& unit) {
  return unit.kind == Unit::dense ? unit.window.rows.kernel * unit.window.columns.kernel : 1;
}

/** weight[output, channel] of a tap, counted along the rows of the kernel. */
float at(const Unit& unit, const Weight& weight, int64_t output, int64_t channel, int64_t tap) {
  const int64_t columns = unit.kind == Unit::dense ? unit.window.columns.kernel : 1;
  return weight.at(output, channel, tap / columns, tap % columns);
}

}  // namespace

PackedUnit::PackedUnit(const Unit& unit, const float* depthwiseWeight, const Weight& weight)
    : products(unit.numbers, tapsOf(unit) / tapsTogether(unit), tapsTogether(unit) * unit.window.channels, unit.outputs,
               [&](int64_t section, int64_t k, int64_t output) {
                 const int64_t channels = unit.window.channels;
                 return at(unit, weight, output, k % channels, section * tapsTogether(unit) + k / channels);
               }),
      depthwise(unit.kind == Unit::depthwise ? packedDepthwise(unit.window, depthwiseWeight) : Floats(0)) {}

Right gradientProducts(const Unit& unit, const Weight& weight) {
  return Right(unit.numbers, tapsOf(unit), unit.outputs, unit.window.channels,
               [&](int64_t tap, int64_t output, int64_t channel) { return at(unit, weight, output, channel, tap); });
}

}  // namespace nasnet::kernels
