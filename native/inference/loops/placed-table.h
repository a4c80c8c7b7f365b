// The loops of placed.h for one instruction set. Included last by each placed-*.cpp, which has included the set's
// header in kernels/loops/ and set the table's variable NASNET_PLACED.
#pragma once

#include "kernels/loops/vector.h"
#include "placed.h"

namespace nasnet::inference {
namespace {

using namespace nasnet::kernels;

// AVX-512's vectors are also used by half, as a whole one takes twice as long on processors with units of 256 bits.
constexpr bool halves = width >= 16;
constexpr int unit = halves ? width / 2 : width;
constexpr int mostUnits = halves ? 6 : 2;
/** Rows of a tile: as many sums as there are registers for, next to a row of factors and a number. */
constexpr int mostRows = registers >= 32 ? 8 : 6;

/** The first `count` floats of a vector at `to`. */
#if NASNET_WIDTH == 16
NASNET_INLINE void storeFirst(float* to, Vector value, ptrdiff_t count) {
  _mm512_mask_storeu_ps(to, static_cast<__mmask16>((1u << count) - 1), (__m512)value);
}
NASNET_INLINE void storeFirst(float* to, Half value, ptrdiff_t count) {
  _mm256_mask_storeu_ps(to, static_cast<__mmask8>((1u << count) - 1), (__m256)value);
}
#else
NASNET_INLINE void storeFirst(float* to, Vector value, ptrdiff_t count) {
  typedef float Four __attribute__((vector_size(16)));
  float all[width];
  store(all, value);
  ptrdiff_t index = 0;
  for (; index + 4 <= count; index += 4) storeAs<Four>(to + index, loadAs<Four>(all + index));
  for (; index < count; ++index) to[index] = all[index];
}
#endif

/** The first `count` floats at `from`; what is behind them is not read. */
NASNET_INLINE Vector loadFirst(const float* from, ptrdiff_t count) {
#if NASNET_WIDTH == 16
  return (Vector)_mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << count) - 1), from);
#else
  float all[width] = {};
  for (ptrdiff_t index = 0; index < count; ++index) all[index] = from[index];
  return load(all);
#endif
}

template <typename V>
NASNET_INLINE V zeroed(V value) {
  const V zero = {};
  return value <= zero ? zero : value;
}

/** `rows` rows of a panel of `units`, from row `m` and column `column` on. */
template <int rows, int units>
void productTile(const PlacedProduct& p, const float* b, ptrdiff_t column, ptrdiff_t m) {
  constexpr int vectors = halves ? units / 2 : units;
  constexpr bool half = halves && units % 2 == 1;
  constexpr int wide = units * unit;
  Vector sums[rows][vectors + 1];
  Half halfSums[rows];
  const float* bias = p.bias + column;
  repeat<rows>([&](auto r) NASNET_INLINED {
    repeat<vectors>([&](auto v) NASNET_INLINED { sums[r][v] = load(bias + v * width); });
    if constexpr (half) halfSums[r] = loadAs<Half>(bias + vectors * width);
  });
  for (ptrdiff_t segment = 0; segment < p.segmentCount; ++segment) {
    const float* from = p.a + p.segments[segment];
    const float* a[rows];
    repeat<rows>([&](auto r) NASNET_INLINED { a[r] = from + p.aPlaces[m + r]; });
    for (ptrdiff_t k = 0; k < p.length; ++k, b += wide) {
      Vector factors[vectors + 1];
      Half halfFactors;
      repeat<vectors>([&](auto v) NASNET_INLINED { factors[v] = load(b + v * width); });
      if constexpr (half) halfFactors = loadAs<Half>(b + vectors * width);
      repeat<rows>([&](auto r) NASNET_INLINED {
        const float factor = a[r][k];
        repeat<vectors>([&](auto v) NASNET_INLINED { sums[r][v] += factors[v] * factor; });
        if constexpr (half) halfSums[r] += halfFactors * factor;
      });
    }
  }
  const ptrdiff_t left = p.columns - column;
  repeat<rows>([&](auto r) NASNET_INLINED {
    float* to = p.to + p.toPlaces[m + r] + column;
    if (p.addend != nullptr) {
      const float* more = p.addend + p.addendPlaces[m + r] + column;
      repeat<vectors>([&](auto v) NASNET_INLINED { sums[r][v] += load(more + v * width); });
      if constexpr (half) halfSums[r] += loadAs<Half>(more + vectors * width);
    }
    if (p.relu) {
      repeat<vectors>([&](auto v) NASNET_INLINED { sums[r][v] = zeroed(sums[r][v]); });
      if constexpr (half) halfSums[r] = zeroed(halfSums[r]);
    }
    if (left >= wide) {
      repeat<vectors>([&](auto v) NASNET_INLINED { store(to + v * width, sums[r][v]); });
      if constexpr (half) storeAs<Half>(to + vectors * width, halfSums[r]);
    } else {
      constexpr int whole = half ? vectors : vectors - 1;
      repeat<whole>([&](auto v) NASNET_INLINED { store(to + v * width, sums[r][v]); });
      if constexpr (half) storeFirst(to + whole * width, halfSums[r], left - whole * width);
      else storeFirst(to + whole * width, sums[r][whole], left - whole * width);
    }
  });
}

using TileFunction = void (*)(const PlacedProduct&, const float*, ptrdiff_t, ptrdiff_t);

struct Tiles {
  TileFunction all[mostUnits][mostRows];  // by units and rows less 1
};

template <int... index>
constexpr Tiles makeTiles(std::integer_sequence<int, index...>) {
  Tiles made = {};
  ((made.all[index / mostRows][index % mostRows] = productTile<index % mostRows + 1, index / mostRows + 1>), ...);
  return made;
}

constexpr Tiles tiles = makeTiles(std::make_integer_sequence<int, mostUnits * mostRows>{});

void product(const PlacedProduct& p) {
  const ptrdiff_t depth = p.segmentCount * p.length;
  const Panels panels{unit, mostUnits, p.columns};
  const ptrdiff_t parts = (p.rows + mostRows - 1) / mostRows;
  for (ptrdiff_t panel = p.firstPanel; panel < p.lastPanel; ++panel) {
    const ptrdiff_t first = panels.firstUnit(panel);
    const TileFunction* own = tiles.all[panels.firstUnit(panel + 1) - first - 1];
    const float* b = p.panels + first * unit * depth;
    for (ptrdiff_t part = 0; part < parts; ++part) {
      const ptrdiff_t m = p.rows * part / parts;
      own[p.rows * (part + 1) / parts - m - 1](p, b, first * unit, m);
    }
  }
}

template <bool scaled, bool added, bool relu>
NASNET_INLINE void copyPixels(const PlacedCopy c) {
  for (ptrdiff_t m = 0; m < c.pixels; ++m) {
    const float* from = c.from + c.fromPlaces[m];
    const float* more = added ? c.addend + c.addendPlaces[m] : nullptr;
    float* to = c.to + c.toPlaces[m];
    const Vector factor = Vector{} + (scaled ? c.factors[m] : 1.0f);
    const auto value = [&](Vector own, auto more) NASNET_INLINED {
      if (scaled) own *= factor;
      if (added) own += more();
      return relu ? zeroed(own) : own;
    };
    ptrdiff_t channel = 0;
    for (; channel + width <= c.channels; channel += width)
      store(to + channel, value(load(from + channel), [&]() NASNET_INLINED { return load(more + channel); }));
    const ptrdiff_t left = c.channels - channel;
    if (left > 0) {
      const auto last = [&]() NASNET_INLINED { return loadFirst(more + channel, left); };
      storeFirst(to + channel, value(loadFirst(from + channel, left), last), left);
    }
  }
}

template <bool scaled, bool added>
NASNET_INLINE void copyEither(const PlacedCopy& c) {
  if (c.relu) copyPixels<scaled, added, true>(c);
  else copyPixels<scaled, added, false>(c);
}

void copy(const PlacedCopy& c) {
  if (c.factors != nullptr && c.addend != nullptr) copyEither<true, true>(c);
  else if (c.factors != nullptr) copyEither<true, false>(c);
  else if (c.addend != nullptr) copyEither<false, true>(c);
  else copyEither<false, false>(c);
}

}  // namespace

const PlacedLoops NASNET_PLACED = {unit, mostUnits, mostRows, product, copy};

}  // namespace nasnet::inference

#if defined(NASNET_TARGET)
#pragma clang attribute pop
#endif
