// The inner loops of inference as a table, of which there is a version per instruction set, as kernels/loops has them.
// Pixels lie wherever a list of places says, so that a convolution reads planes with a border, slices of concatenations
// and rows with a stride where they are, and writes its result where its readers want it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace nasnet::inference {

/**
 * to[m][n] = bias[n] + Σ over s, k of a[m][segments[s] + k] · b[s · length + k][n] + addend[m][n], through a ReLU if
 * asked. Row m starts at places[m] floats.
 */
struct PlacedProduct {
  const float* a;
  const int32_t* aPlaces;
  const int32_t* segments;  // [segmentCount]
  ptrdiff_t segmentCount, length;
  const float* panels;  // b in panels of columns, one after another: [depth][columns of the panel]
  const float* bias;    // [columns rounded up to whole panels]
  float* to;
  const int32_t* toPlaces;
  const float* addend;  // null: none; readable up to a vector's width beyond the last column
  const int32_t* addendPlaces;
  ptrdiff_t rows, columns;
  ptrdiff_t firstPanel, lastPanel;  // of those that panelsOf(columns) tells
  bool relu;
};

/** to[m][c] = from[m][c] · factors[m] + addend[m][c], through a ReLU if asked. Without factors they are 1. */
struct PlacedCopy {
  const float* from;
  const int32_t* fromPlaces;
  const float* factors;
  const float* addend;
  const int32_t* addendPlaces;
  float* to;
  const int32_t* toPlaces;
  ptrdiff_t pixels, channels;
  bool relu;
};

struct PlacedLoops {
  int unit;       // columns that a panel is made of
  int mostUnits;  // in a panel
  int mostRows;   // of a tile
  void (*product)(const PlacedProduct&);
  void (*copy)(const PlacedCopy&);

  /** Returns the columns of a panel: most of them are as wide as can be, and none is much narrower than the others. */
  ptrdiff_t panelColumns(ptrdiff_t columns, ptrdiff_t panel) const {
    const ptrdiff_t units = (columns + unit - 1) / unit, panels = panelCount(columns);
    return (units * (panel + 1) / panels - units * panel / panels) * unit;
  }
  ptrdiff_t panelStart(ptrdiff_t columns, ptrdiff_t panel) const {
    return (columns + unit - 1) / unit * panel / panelCount(columns) * unit;
  }
  ptrdiff_t panelCount(ptrdiff_t columns) const {
    const ptrdiff_t units = (columns + unit - 1) / unit;
    return (units + mostUnits - 1) / mostUnits;
  }
};

/** The version of the instruction set that kernels::loops() has chosen. */
const PlacedLoops& placedLoops();

extern const PlacedLoops plainPlaced;
#if defined(__x86_64__)
extern const PlacedLoops avx2Placed;
extern const PlacedLoops avx512Placed;
#endif

}  // namespace nasnet::inference
