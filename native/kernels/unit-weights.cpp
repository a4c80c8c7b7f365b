// See unit-weights.h.
#include "unit-weights.h"

#include "depthwise-image.h"

namespace nasnet::kernels {

int64_t tapsOf(const Unit& unit) {
  if (unit.kind != Unit::dense) return 1;
  return (isInPairs(unit) ? 4 : unit.window.rows.kernel) * unit.window.columns.kernel;
}

namespace {

/** weight[output, channel] of a tap, counted along the rows of the kernel, or along its sums for pairs of rows. */
float at(const Unit& unit, const Weight& weight, int64_t output, int64_t channel, int64_t tap) {
  const int64_t columns = unit.kind == Unit::dense ? unit.window.columns.kernel : 1;
  const int64_t row = tap / columns, column = tap % columns;
  if (!isInPairs(unit)) return weight.at(output, channel, row, column);
  const float first = weight.at(output, channel, 0, column), middle = weight.at(output, channel, 1, column),
              last = weight.at(output, channel, 2, column);
  if (row == 0) return first;
  if (row == 3) return -last;
  return ((first + last) + (row == 1 ? middle : -middle)) / 2;
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
