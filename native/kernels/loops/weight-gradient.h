// The gradient to the weights of depthwise convolutions: sums over all pixels, held in registers while a band of rows
// that fits the first-level cache is read.
#pragma once

#include "loops.h"
#include "vector.h"

namespace nasnet::kernels {
namespace {

constexpr ptrdiff_t bandFloats = 4096;  // of source and gradient each: 32 KiB together

/** Rows y … end of one phase, for `taps` taps from `tap` on. */
template <int height, int step, int taps>
NASNET_INLINE void sumTaps(const WeightGradient g, ptrdiff_t phase, int tap, ptrdiff_t y, ptrdiff_t end) {
  ptrdiff_t offsets[taps];
  repeat<taps>([&](auto t) NASNET_INLINED { offsets[t] = g.offsets[tap + t]; });
  float* place = g.sums + (phase * g.taps + tap * width) * height;
  Vector sums[taps][height];
  repeat<taps>([&](auto t) NASNET_INLINED {
    repeat<height>([&](auto k) NASNET_INLINED { sums[t][k] = load(place + (t * height + k) * width); });
  });
  for (; y < end; y += 4) {
    for (ptrdiff_t j = phase; j < g.length; j += g.period) {
      Vector gradients[4];
      const float* line = g.gradient + y * g.gradientPitch + j;
      repeat<4>([&](auto r) NASNET_INLINED {
        gradients[r] = load(line);
        line += g.gradientPitch;
      });
      repeat<taps>([&](auto t) NASNET_INLINED {
        const float* from = g.source + y * step * g.sourcePitch + j + offsets[t];
        repeat<3 * step + height>([&](auto row) NASNET_INLINED {
          const Vector input = load(from);
          from += g.sourcePitch;
          repeat<4>([&](auto r) NASNET_INLINED {
            constexpr int k = row - r * step;
            if constexpr (k >= 0 && k < height) sums[t][k] += input * gradients[r];
          });
        });
      });
    }
  }
  repeat<taps>([&](auto t) NASNET_INLINED {
    repeat<height>([&](auto k) NASNET_INLINED { store(place + (t * height + k) * width, sums[t][k]); });
  });
}

template <int height, int step>
void sumAll(const WeightGradient& g) {
  constexpr int room = registers - 6;  // for four gradients, an input and one to spare
  constexpr int most = room / height >= 5 ? 5 : room / height >= 3 ? 3 : room / height >= 2 ? 2 : 1;
  ptrdiff_t band = bandFloats / (g.length + 1) / 4 * 4;
  if (band < 8) band = 8;
  for (ptrdiff_t y = 0; y < g.rows; y += band) {
    const ptrdiff_t end = y + band < g.rows ? y + band : g.rows;
    for (ptrdiff_t phase = 0; phase < g.period && phase < g.length; phase += width) {
      int tap = 0;
      for (; tap + most <= g.taps; tap += most) sumTaps<height, step, most>(g, phase, tap, y, end);
      for (; tap + 2 <= g.taps && most > 2; tap += 2) sumTaps<height, step, (most < 2 ? 1 : 2)>(g, phase, tap, y, end);
      for (; tap < g.taps; ++tap) sumTaps<height, step, 1>(g, phase, tap, y, end);
    }
  }
}

void weightGradient(const WeightGradient& g) {
  constexpr void (*versions[2][7])(const WeightGradient&) = {
      {sumAll<1, 1>, sumAll<2, 1>, sumAll<3, 1>, nullptr, sumAll<5, 1>, nullptr, sumAll<7, 1>},
      {sumAll<1, 2>, sumAll<2, 2>, sumAll<3, 2>, nullptr, sumAll<5, 2>, nullptr, sumAll<7, 2>},
  };
  versions[g.step - 1][g.height - 1](g);
}

}  // namespace
}  // namespace nasnet::kernels
