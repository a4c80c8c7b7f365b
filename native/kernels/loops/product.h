// Matrix products of small tiles that are in the processor's cache: the 1×1 convolutions of a few rows of pixels, and
// their gradients. `Operands` says what a float of theirs is: itself, or a pair of numbers in bf16.
#pragma once

#include "bf16.h"
#include "loops.h"
#include "vector.h"

namespace nasnet::kernels {
namespace {

constexpr int productRows = registers >= 32 ? 8 : 4;
constexpr ptrdiff_t productDepth = 160;  // of one panel of b: 3 vectors by 160 rows stay in the first-level cache

struct Singles {
  template <typename V>
  static NASNET_INLINE V add(V sum, V factors, float factor) {
    return sum + factors * factor;
  }
};

/** `rows` by `vectors` vectors of the result, summed in registers. across: a's rows lie side by side. */
template <typename Operands, typename V, int rows, int vectors, bool across>
NASNET_INLINE void productTile(const Product p, const float* a, const float* b, float* result, const float* mask,
                               ptrdiff_t depth, bool add, ptrdiff_t left) {
  constexpr ptrdiff_t lanes = sizeof(V) / sizeof(float);
  const bool whole = left >= vectors * lanes;
  V sums[rows][vectors] = {};
  for (ptrdiff_t k = 0; k < depth; ++k) {
    V factors[vectors];
    repeat<vectors>([&](auto v) NASNET_INLINED { factors[v] = loadAs<V>(b + v * lanes); });
    repeat<rows>([&](auto r) NASNET_INLINED {
      const float factor = across ? a[r] : a[r * p.aPitch];
      repeat<vectors>([&](auto v) NASNET_INLINED { sums[r][v] = Operands::add(sums[r][v], factors[v], factor); });
    });
    a += across ? p.aPitch : 1;
    b += p.bPitch;
  }
  repeat<rows>([&](auto r) NASNET_INLINED {
    repeat<vectors>([&](auto v) NASNET_INLINED {
      float* to = result + r * p.resultPitch + v * lanes;
      const bool full = v < vectors - 1 || whole;
      const auto read = [&](const float* from)
                            NASNET_INLINED { return full ? loadAs<V>(from) : loadPart<V>(from, left - v * lanes); };
      // Last: sums of sums lose less in float32 than one long sum.
      if (add) sums[r][v] += read(to);
      if (mask != nullptr) {
        const V zero = {};
        sums[r][v] = read(mask + r * p.maskPitch + v * lanes) <= zero ? zero : sums[r][v];
      }
      if (full) storeAs<V>(to, sums[r][v]);
      else storePart<V>(to, sums[r][v], left - v * lanes);
    });
  });
}

template <typename Operands, typename V, int vectors, bool across>
void productColumns(const Product& p, ptrdiff_t k, ptrdiff_t most, ptrdiff_t column) {
  const ptrdiff_t depth = p.depth - k < most ? p.depth - k : most;
  const float* b = p.b + k * p.bPitch + column;
  const float* a = p.a + k * (across ? p.aPitch : 1);
  const ptrdiff_t step = across ? 1 : p.aPitch;
  const bool add = p.add || k > 0;
  const bool masked = p.mask != nullptr && k + depth == p.depth;
  const auto tile = [&](auto rows, ptrdiff_t row) NASNET_INLINED {
    productTile<Operands, V, rows, vectors, across>(p, a + row * step, b, p.result + row * p.resultPitch + column,
                                                    masked ? p.mask + row * p.maskPitch + column : nullptr, depth, add,
                                                    p.columns - column);
  };
  constexpr std::integral_constant<int, productRows> together{};
  ptrdiff_t row = 0;
  for (; row + productRows <= p.rows; row += productRows) tile(together, row);
  if (row == p.rows) return;
  if (!add && p.rows > productRows) {
    tile(together, p.rows - productRows);  // some rows once more
    return;
  }
  // What is left in halves: a row alone would wait for each of its own sums.
  const auto rest = [&](auto rows) NASNET_INLINED {
    if (row + rows > p.rows) return;
    tile(rows, row);
    row += rows;
  };
  if constexpr (productRows > 4) rest(std::integral_constant<int, 4>{});
  rest(std::integral_constant<int, 2>{});
  rest(std::integral_constant<int, 1>{});
}

/** Columns from `column` on in vectors of one kind, three at a time; returns where they end. */
template <typename Operands, typename V, bool across>
ptrdiff_t productVectors(const Product& p, ptrdiff_t k, ptrdiff_t most, ptrdiff_t column, ptrdiff_t vectors) {
  constexpr ptrdiff_t lanes = sizeof(V) / sizeof(float);
  for (; vectors >= 3; vectors -= 3, column += 3 * lanes) productColumns<Operands, V, 3, across>(p, k, most, column);
  if (vectors == 2) productColumns<Operands, V, 2, across>(p, k, most, column);
  if (vectors == 1) productColumns<Operands, V, 1, across>(p, k, most, column);
  return column + vectors * lanes;
}

template <typename Operands, bool across>
void productAll(const Product& p) {
  const ptrdiff_t blocks = (p.depth + productDepth - 1) / productDepth;
  const ptrdiff_t most = blocks > 1 ? (p.depth + blocks - 1) / blocks : p.depth;
  for (ptrdiff_t k = 0; k == 0 || k < p.depth; k += most) {
    const ptrdiff_t rest = p.columns % width;
    if constexpr (width >= 8) {  // vectors half as wide where whole ones would be half empty
      constexpr ptrdiff_t half = width / 2;
      if (rest > 0 && rest <= half) {
        const bool few = p.columns < 3 * width;
        const ptrdiff_t column = few ? 0 : productVectors<Operands, Vector, across>(p, k, most, 0, p.columns / width);
        productVectors<Operands, Half, across>(p, k, most, column, (p.columns - column + half - 1) / half);
        continue;
      }
    }
    productVectors<Operands, Vector, across>(p, k, most, 0, (p.columns + width - 1) / width);
  }
}

void product(const Product& p) {
  if (p.across) productAll<Singles, true>(p);
  else productAll<Singles, false>(p);
}

void pairProduct(const Product& p) {
  if (p.across) productAll<Pairs, true>(p);
  else productAll<Pairs, false>(p);
}

}  // namespace
}  // namespace nasnet::kernels
