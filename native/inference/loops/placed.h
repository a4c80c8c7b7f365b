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
  ptrdiff_t firstPanel, lastPanel;  // of those of Panels
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

namespace {  // each version of the loops has its own

/** How columns are divided into panels: most are as wide as can be, and none is much narrower than the others. */
struct Panels {
  ptrdiff_t unit, mostUnits, columns;

  ptrdiff_t units() const { return (columns + unit - 1) / unit; }
  ptrdiff_t count() const { return (units() + mostUnits - 1) / mostUnits; }
  /** Returns the units before a panel. */
  ptrdiff_t firstUnit(ptrdiff_t panel) const { return units() * panel / count(); }
};

}  // namespace

struct PlacedLoops {
  int unit;       // columns that a panel is made of
  int mostUnits;  // in a panel
  int mostRows;   // of a tile
  void (*product)(const PlacedProduct&);
  void (*copy)(const PlacedCopy&);

  /** Returns the columns of a panel. */
  ptrdiff_t panelColumns(ptrdiff_t columns, ptrdiff_t panel) const {
    return panelStart(columns, panel + 1) - panelStart(columns, panel);
  }
  ptrdiff_t panelStart(ptrdiff_t columns, ptrdiff_t panel) const {
    return Panels{unit, mostUnits, columns}.firstUnit(panel) * unit;
  }
  ptrdiff_t panelCount(ptrdiff_t columns) const { return Panels{unit, mostUnits, columns}.count(); }
};

/** The version of the instruction set that kernels::loops() has chosen. */
const PlacedLoops& placedLoops();

extern const PlacedLoops plainPlaced;
#if defined(__x86_64__)
extern const PlacedLoops avx2Placed;
extern const PlacedLoops avx512Placed __attribute__((weak));  // as avx512Loops
#endif

}  // namespace nasnet::inference
