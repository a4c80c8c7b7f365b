// Matrix products of small tiles that are in the processor's cache: the 1×1 convolutions of a few rows of pixels, and
// their gradients. `Operands` says what a float of theirs is: itself, or a pair of numbers in bf16.
#pragma once

#include "bf16.h"
#include "loops.h"
#include "vector.h"

namespace nasnet::kernels {
namespace {

constexpr int productVectors = 3;
constexpr int mostProductRows = 8;
/** Rows of a tile of so many vectors: enough sums to hide the latency of additions, as far as there are registers. */
constexpr int productRows(int vectors) { return registers >= 32 || vectors == 1 ? 8 : vectors == 2 ? 6 : 4; }
constexpr int wholeTile = productRows(productVectors) * productVectors * width;
constexpr ptrdiff_t productDepth = 160;  // of one panel of b: 3 vectors by 160 rows stay in the first-level cache

struct Singles {
  template <typename V>
  static NASNET_INLINE V add(V sum, V factors, float factor) {
    return sum + factors * factor;
  }
};

/** Rows of whole vectors in place of those that end within one: of a result's last vectors, and of its mask's. */
template <typename V>
struct Edges {
  static constexpr ptrdiff_t lanes = sizeof(V) / sizeof(float);
  float result[mostProductRows * lanes], mask[mostProductRows * lanes];
};

/**
 * `rows` by `vectors` vectors of the result, summed in registers. across: a's rows lie side by side. left: columns of
 * the last vectors, which stand in the edges where those are less than a vector. What is behind the sums is worked out
 * after them, as they need the registers.
 */
template <typename Operands, typename V, int rows, int vectors, bool across>
NASNET_INLINE void productTile(const Product p, const float* a, const float* b, float* result, const float* mask,
                               Edges<V>& edges, ptrdiff_t depth, bool add, ptrdiff_t left) {
  constexpr ptrdiff_t lanes = sizeof(V) / sizeof(float);
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
  const bool whole = left >= lanes;
  const auto each = [&](auto* first, ptrdiff_t pitch, auto* edge, auto body) NASNET_INLINED {
    auto* last = whole ? first + (vectors - 1) * lanes : edge;
    const ptrdiff_t lastPitch = whole ? pitch : lanes;
    repeat<rows>([&](auto r) NASNET_INLINED {
      repeat<vectors>([&](auto v) NASNET_INLINED { body(sums[r][v], v < vectors - 1 ? first + v * lanes : last); });
      first += pitch;
      last += lastPitch;
    });
  };
  // Last: sums of sums lose less in float32 than one long sum.
  if (add) each(result, p.resultPitch, edges.result, [](V& sum, float* old) NASNET_INLINED { sum += loadAs<V>(old); });
  if (mask != nullptr) {
    const float* edge = edges.mask;
    each(mask, p.maskPitch, edge, [](V& sum, const float* input) NASNET_INLINED {
      const V zero = {};
      sum = loadAs<V>(input) <= zero ? zero : sum;
    });
  }
  each(result, p.resultPitch, edges.result, [](V& sum, float* to) NASNET_INLINED { storeAs<V>(to, sum); });
}

/** Fetches the share of a tile of this depth. */
NASNET_INLINE void fetch(Ahead& ahead, ptrdiff_t depth) {
  constexpr ptrdiff_t line = 64;
  ptrdiff_t lines = static_cast<ptrdiff_t>(ahead.rate * static_cast<float>(depth)) + 1;
  while (lines > 0 && ahead.count > 0) {
    Ahead::Range& range = ahead.ranges[ahead.count - 1];
    const char *place = range.begin, *end = place + lines * line;
    if (end >= range.end) {
      end = range.end;
      --ahead.count;
    }
    lines -= (end - place + line - 1) / line;
    // Into the second-level cache: the first-level one is full with the operands of this band.
    for (; place < end; place += line) __builtin_prefetch(place, 0, 2);
    range.begin = place;
  }
}

template <typename Operands, typename V, int vectors, bool across>
void productColumns(const Product& p, ptrdiff_t k, ptrdiff_t most, ptrdiff_t column) {
  constexpr ptrdiff_t lanes = sizeof(V) / sizeof(float);
  const ptrdiff_t depth = p.depth - k < most ? p.depth - k : most;
  const float* b = p.b + k * p.bPitch + column;
  const float* a = p.a + k * (across ? p.aPitch : 1);
  const ptrdiff_t step = across ? 1 : p.aPitch;
  const bool add = p.add || k > 0;
  const bool masked = p.mask != nullptr && k + depth == p.depth;
  constexpr ptrdiff_t before = (vectors - 1) * lanes;  // the last vector
  const ptrdiff_t left = p.columns - column - before;
  Edges<V> edges;
  const auto tile = [&](auto rows, ptrdiff_t row) NASNET_INLINED {
    float* result = p.result + row * p.resultPitch + column;
    const float* mask = masked ? p.mask + row * p.maskPitch + column : nullptr;
    if (left < lanes) {
      if (add) copyRows(edges.result, lanes, result + before, p.resultPitch, rows, left);
      if (masked) copyRows(edges.mask, lanes, mask + before, p.maskPitch, rows, left);
    }
    productTile<Operands, V, rows, vectors, across>(p, a + row * step, b, result, mask, edges, depth, add, left);
    if (left < lanes) copyRows(result + before, p.resultPitch, edges.result, lanes, rows, left);
    if (p.ahead != nullptr) fetch(*p.ahead, depth);
  };
  constexpr std::integral_constant<int, productRows(vectors)> together{};
  ptrdiff_t row = 0;
  for (; row + together <= p.rows; row += together) tile(together, row);
  if (row == p.rows) return;
  if (!add && p.rows > together) {
    tile(together, p.rows - together);  // some rows once more
    return;
  }
  // What is left in halves: a row alone would wait for each of its own sums.
  const auto rest = [&](auto rows) NASNET_INLINED {
    if (row + rows > p.rows) return;
    tile(rows, row);
    row += rows;
  };
  if constexpr (together > 4) rest(std::integral_constant<int, 4>{});
  rest(std::integral_constant<int, 2>{});
  rest(std::integral_constant<int, 1>{});
}

/**
 * Columns from `column` on in vectors of one kind; returns where they end. A tile of a single vector loads most for
 * each addition, so that four are two and two.
 */
template <typename Operands, typename V, bool across>
ptrdiff_t productOver(const Product& p, ptrdiff_t k, ptrdiff_t most, ptrdiff_t column, ptrdiff_t vectors) {
  constexpr ptrdiff_t lanes = sizeof(V) / sizeof(float);
  for (; vectors >= productVectors && vectors != 4; vectors -= productVectors, column += productVectors * lanes) {
    productColumns<Operands, V, productVectors, across>(p, k, most, column);
  }
  for (; vectors >= 2; vectors -= 2, column += 2 * lanes) productColumns<Operands, V, 2, across>(p, k, most, column);
  if (vectors == 1) productColumns<Operands, V, 1, across>(p, k, most, column);
  return column + vectors * lanes;
}

template <typename Operands, bool across>
void productAll(const Product& p) {
  const ptrdiff_t blocks = (p.depth + productDepth - 1) / productDepth;
  const ptrdiff_t most = blocks > 1 ? (p.depth + blocks - 1) / blocks : p.depth;
  for (ptrdiff_t k = 0; k == 0 || k < p.depth; k += most) {
    const ptrdiff_t rest = p.columns % width;
    // Vectors half as wide where whole ones would be half empty; those of AVX2 take as long as whole ones.
    if constexpr (width >= 16) {
      constexpr ptrdiff_t half = width / 2;
      if (rest > 0 && rest <= half) {
        const bool few = p.columns < 3 * width;
        const ptrdiff_t column = few ? 0 : productOver<Operands, Vector, across>(p, k, most, 0, p.columns / width);
        productOver<Operands, Half, across>(p, k, most, column, (p.columns - column + half - 1) / half);
        continue;
      }
    }
    productOver<Operands, Vector, across>(p, k, most, 0, (p.columns + width - 1) / width);
  }
}

template <typename Operands>
void productOf(const Product& p) {
  if (p.across) productAll<Operands, true>(p);
  else productAll<Operands, false>(p);
}

void pairProduct(const Product& p) { productOf<Pairs>(p); }

}  // namespace
}  // namespace nasnet::kernels
