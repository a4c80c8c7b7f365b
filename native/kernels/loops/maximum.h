// The maximum under a window with its place: first across each row, then down the rows of those, 2 · k comparisons for
// k².
#pragma once

#include "loops.h"
#include "vector.h"

namespace nasnet::kernels {
namespace {

/** Takes the value if it is greater, or NaN. */
NASNET_INLINE void take(Vector& best, Integers& place, Vector value, Integers itsPlace) {
  const Integers better = (value > best) | (value != value);
  best = better ? value : best;
  place = better ? itsPlace : place;
}

void maximumOf(const Maximum m) {
  const ptrdiff_t pitch = m.length + width;
  for (ptrdiff_t y = 0; y < m.sourceRows; ++y) {
    const float* from = m.source + y * m.sourcePitch;
    for (ptrdiff_t j = 0; j < m.length; j += width) {
      Vector best = load(from + m.offsets[0] + j);
      Integers place = {};
      for (int tap = 1; tap < m.taps; ++tap) take(best, place, load(from + m.offsets[tap] + j), Integers{} + tap);
      store(m.across + y * pitch + j, best);
      storeIntegers(m.acrossPlaces + y * pitch + j, place);
    }
  }
  for (ptrdiff_t y = 0; y < m.rows; ++y) {
    const float* from = m.across + y * m.step * pitch;
    const int* placesFrom = m.acrossPlaces + y * m.step * pitch;
    for (ptrdiff_t j = 0; j < m.length; j += width) {
      Vector best = load(from + j);
      Integers place = loadIntegers(placesFrom + j);
      for (int k = 1; k < m.height; ++k) {
        take(best, place, load(from + k * pitch + j), loadIntegers(placesFrom + k * pitch + j) + k * m.taps);
      }
      const ptrdiff_t room = m.length - j < width ? m.length - j : width;
      if (room == width) store(m.result + y * m.length + j, best);
      else storePart(m.result + y * m.length + j, best, room);
      if (m.places == nullptr) continue;
      typedef unsigned char Bytes __attribute__((vector_size(width)));
      const Bytes bytes = __builtin_convertvector(place, Bytes);
      unsigned char* to = m.places + y * m.length + j;
      if (room == width) __builtin_memcpy(to, &bytes, width);
      else
        for (ptrdiff_t index = 0; index < room; ++index) to[index] = bytes[index];
    }
  }
}

void maximum(const Maximum& m) { maximumOf(m); }

}  // namespace
}  // namespace nasnet::kernels
