// Correlation along rows: the forward pass of depthwise convolutions and average pools, and the gradients to their
// inputs.
#pragma once

#include "loops.h"
#include "vector.h"

namespace nasnet::kernels {
namespace {

constexpr int rowsTogether = 4;
constexpr int vectorsTogether = registers >= 32 ? 4 : 2;

/**
 * `rows` rows of the result by `vectors` vectors a period apart: an input is loaded once for all rows that it reaches.
 * The structure is passed by value and pointers move from row to row: otherwise compilers read it again after each
 * store, and run out of registers.
 */
template <int height, int step, int rows, int vectors>
NASNET_INLINE void correlateTile(const Correlation c, const float* source, float* result, const float* weights,
                                 ptrdiff_t left) {
  Vector sums[rows][vectors] = {};
  for (int tap = 0; tap < c.taps; ++tap) {
    const float* line = source + c.offsets[tap];
    repeat<(rows - 1) * step + height>([&](auto row) NASNET_INLINED {
      Vector inputs[vectors];
      repeat<vectors>([&](auto v) NASNET_INLINED { inputs[v] = load(line + v * c.period); });
      repeat<rows>([&](auto r) NASNET_INLINED {
        constexpr int k = row - r * step;
        if constexpr (k >= 0 && k < height) {
          const Vector weight = load(weights + k * width);
          repeat<vectors>([&](auto v) NASNET_INLINED { sums[r][v] += inputs[v] * weight; });
        }
      });
      line += c.sourcePitch;
    });
    weights += height * width;
  }
  float* last = result + (vectors - 1) * c.period;
  const ptrdiff_t room = left - (vectors - 1) * c.period;
  float edge[rows * width];  // in place of the last vectors, where the rows end within them
  float* to = room < width ? edge : last;
  repeat<rows>([&](auto r) NASNET_INLINED {
    repeat<vectors>([&](auto v) NASNET_INLINED { store(v < vectors - 1 ? result + v * c.period : to, sums[r][v]); });
    result += c.resultPitch;
    to += room < width ? width : c.resultPitch;
  });
  if (room < width) copyRows(last, c.resultPitch, edge, width, rows, room);
}

template <int height, int step, int rows>
void correlateRows(const Correlation c, ptrdiff_t y) {
  const float* source = c.source + y * step * c.sourcePitch;
  float* result = c.result + y * c.resultPitch;
  for (ptrdiff_t phase = 0; phase < c.period && phase < c.length; phase += width) {
    const float* weights = c.weights + phase * c.taps * height;
    ptrdiff_t j = phase;
    if constexpr (vectorsTogether == 4) {
      for (; j + 3 * c.period < c.length; j += 4 * c.period) {
        correlateTile<height, step, rows, 4>(c, source + j, result + j, weights, c.length - j);
      }
    }
    for (; j + c.period < c.length; j += 2 * c.period) {
      correlateTile<height, step, rows, 2>(c, source + j, result + j, weights, c.length - j);
    }
    for (; j < c.length; j += c.period) {
      correlateTile<height, step, rows, 1>(c, source + j, result + j, weights, c.length - j);
    }
  }
}

template <int height, int step>
void correlateAll(const Correlation& c) {
  ptrdiff_t y = 0;
  for (; y + rowsTogether <= c.rows; y += rowsTogether) correlateRows<height, step, rowsTogether>(c, y);
  for (; y < c.rows; ++y) correlateRows<height, step, 1>(c, y);
}

/** 4 is what a kernel of 7 with stride 2 leaves for the gradients of every other row. */
void correlate(const Correlation& c) {
  constexpr void (*versions[2][7])(const Correlation&) = {
      {correlateAll<1, 1>, correlateAll<2, 1>, correlateAll<3, 1>, correlateAll<4, 1>, correlateAll<5, 1>, nullptr,
       correlateAll<7, 1>},
      {correlateAll<1, 2>, correlateAll<2, 2>, correlateAll<3, 2>, nullptr, correlateAll<5, 2>, nullptr,
       correlateAll<7, 2>},
  };
  versions[c.step - 1][c.height - 1](c);
}

}  // namespace
}  // namespace nasnet::kernels
