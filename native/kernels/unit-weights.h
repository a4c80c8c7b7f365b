// The weights of a unit as its products and loops read them.
#pragma once

#include "plane.h"
#include "unit.h"

namespace nasnet::kernels {

/** Taps along a row of a dense kernel that one product takes in: all where their pixels lie side by side, else 1. */
inline int64_t tapsTogether(const Unit& unit) {
  const Axis& columns = unit.window.columns;
  return unit.kind == Unit::dense && columns.stride == 1 && columns.dilation == 1 ? columns.kernel : 1;
}

/** Whether a dense kernel's rows are computed in pairs, see unit-pairs.h. */
inline bool isInPairs(const Unit& unit) {
  const Axis& rows = unit.window.rows;
  return unit.kind == Unit::dense && unit.numbers == Numbers::float32 && rows.kernel == 3 && rows.stride == 1 &&
         rows.dilation == 1 && rows.result > 1;
}

/** Taps of a dense kernel, of its four sums of rows if they are computed in pairs; 1 for other kernels. */
int64_t tapsOf(const Unit& unit);

/** The packed weights of a forward. */
struct PackedUnit {
  // [channels, outputs]; of a dense kernel a section for each product, [taps together · channels, outputs]
  Right products;
  Floats depthwise;  // as DepthwiseRows has it; empty without one

  PackedUnit(const Unit& unit, const float* depthwiseWeight, const Weight& weight);
};

/** Returns the factor of the result's gradient: [outputs, channels], of a dense kernel a section for each tap. */
Right gradientProducts(const Unit& unit, const Weight& weight);

}  // namespace nasnet::kernels
