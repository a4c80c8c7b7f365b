// The inner loops of our kernels as one table of functions, of which there is a version per instruction set.
// They work on rows of float32 in the channels_last layout: a row of W pixels with C channels is W · C floats in a
// line, and all loops run along that line whatever C is. What a channel needs (its weights) is laid out once per
// `period`, the least common multiple of C and the vector's width: vectors that are a whole number of periods apart
// hold the same channels.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace nasnet::kernels {

/**
 * A number in 16 bits: the upper half of a float32, rounded to the nearest, of two to the even one; subnormal ones are
 * 0.
 */
struct BFloat {
  uint16_t bits;
};

enum class Numbers { float32, bf16 };

/**
 * Numbers in memory. Inlined everywhere: a copy compiled for one instruction set must not be linked into another's
 * place.
 */
template <typename Void, typename Float>
struct NumbersAt {
  Void* data = nullptr;
  Numbers numbers = Numbers::float32;

  __attribute__((always_inline)) NumbersAt() {}
  __attribute__((always_inline)) NumbersAt(Float* floats) : data(floats) {}
  __attribute__((always_inline)) NumbersAt(Void* at, Numbers what) : data(at), numbers(what) {}
  template <typename OtherVoid, typename OtherFloat>
  __attribute__((always_inline)) NumbersAt(const NumbersAt<OtherVoid, OtherFloat>& other)
      : data(other.data), numbers(other.numbers) {}

  __attribute__((always_inline)) NumbersAt operator+(ptrdiff_t count) const {
    Float* floats = static_cast<Float*>(data);
    if (numbers == Numbers::float32) return {floats + count, numbers};
    return {reinterpret_cast<std::conditional_t<std::is_const_v<Void>, const BFloat, BFloat>*>(floats) + count,
            numbers};
  }
  /** Where they are of float32. */
  __attribute__((always_inline)) Float* floats() const { return static_cast<Float*>(data); }
};
using Stored = NumbersAt<const void, const float>;
using Room = NumbersAt<void, float>;

/** result[y][j] = Σ over t, k of weights[t][k][j] · source[y · step + k][j + offsets[t]] */
struct Correlation {
  const float* source;    // readable up to a vector's width beyond the last float used
  ptrdiff_t sourcePitch;  // floats from row to row
  float* result;
  ptrdiff_t resultPitch;
  ptrdiff_t rows, length;  // of the result; length in floats
  ptrdiff_t period;
  int height, step;          // k runs to height, 1…7; step is 1 or 2
  int taps;                  // t
  const ptrdiff_t* offsets;  // [taps]
  const float* weights;      // [period / width][taps][height][width]
};

/** sums[t][k][j mod period] += Σ over y, j of gradient[y][j] · source[y · step + k][j + offsets[t]] */
struct WeightGradient {
  const float* source;
  ptrdiff_t sourcePitch;
  const float* gradient;  // followed by zeros up to the next multiple of 4 rows and of the width in floats
  ptrdiff_t gradientPitch;
  ptrdiff_t rows, length;
  ptrdiff_t period;
  int height, step;
  int taps;
  const ptrdiff_t* offsets;
  float* sums;  // [period / width][taps][height][width]
};

/**
 * result[y][j] = the maximum over t, k of source[y · step + k][j + offsets[t]], and where it was: at k · taps + t, the
 * first of equals, the last NaN, as libtorch has it.
 */
struct Maximum {
  const float* source;
  ptrdiff_t sourcePitch;
  ptrdiff_t sourceRows;  // (rows − 1) · step + height
  float* result;
  unsigned char* places;   // null: not wanted
  ptrdiff_t rows, length;  // the result's rows follow each other without a gap
  int height, step;
  int taps;
  const ptrdiff_t* offsets;
  float* across;      // [sourceRows][length + width] to work in
  int* acrossPlaces;  // the same
};

/**
 * sums[j] = Σ x, products[j] = Σ x · (values − centres) over all places ≡ j (mod period); x: gradients, else values −
 * centres.
 */
struct ChannelSums {
  Stored values;
  Stored gradients;  // as the values are; or null
  ptrdiff_t count;
  ptrdiff_t period;
  const float* centres;    // [period]
  float *sums, *products;  // [period]
};

/**
 * result = (values − centres) · factors + shifts, + gradients · gradientFactors if there are any; else through a ReLU
 * if asked.
 */
struct ChannelScale {
  Stored values;
  Stored gradients;  // as the values are; or null
  Room result;
  ptrdiff_t count;
  ptrdiff_t period;
  const float *centres, *factors, *shifts, *gradientFactors;  // [period]
  bool relu;
};

/**
 * result = gradients where (values − centres) · factors + shifts is above 0, else 0: back through a ReLU of what was
 * normalised on load. Of the result: sums[j] = Σ result, products[j] = Σ result · (values − centres) over all places ≡
 * j (mod period).
 */
struct ChannelMask {
  Stored values;
  const float* gradients;
  Room result;  // as the values are
  ptrdiff_t count;
  ptrdiff_t period;
  const float *centres, *factors, *shifts;  // [period]
  float *sums, *products;                   // [period]
};

/** Memory that will be needed soon; products fetch it into the cache while they compute. */
struct Ahead {
  struct Range {
    const char *begin, *end;
  };
  Range ranges[4];
  int count = 0;   // of ranges that are left; the last one is fetched first
  float rate = 0;  // cache lines for each step of a tile along the depth
};

/**
 * result[m][n] = Σ over k of a[m][k] · b[k][n], added to what is there if asked; with a mask 0 in place of what stands
 * at those of its values that are not above 0.
 */
struct Product {
  const float* a;
  ptrdiff_t aPitch;  // from row to row; across: from k to k
  bool across;       // a lies transposed: a[k][m]
  const float* b;    // each row readable up to a vector's width beyond the last column
  ptrdiff_t bPitch;
  float* result;
  ptrdiff_t resultPitch;
  ptrdiff_t rows, columns, depth;
  bool add;
  const float* mask = nullptr;
  ptrdiff_t maskPitch = 0;
  Ahead* ahead = nullptr;  // shortened by what was fetched
};

/** Numbers of bf16 in pairs, the first of two in the lower half of 32 bits. */
struct Packing {
  float* to;            // pairs; writable up to a vector's width beyond the last one
  ptrdiff_t toPitch;    // pairs from row to row
  Stored from;          // readable likewise
  ptrdiff_t fromPitch;  // numbers
  ptrdiff_t rows, columns;
};

/** Pixels of `channels` numbers from one distance apart to another, through a ReLU if asked. */
struct PixelCopy {
  Room to;
  ptrdiff_t toPitch;
  Stored from;
  ptrdiff_t fromPitch;
  ptrdiff_t pixels, channels;
  bool relu;
};

/** A part of a concatenation or sum: `channels` numbers of each pixel, `pitch` numbers from pixel to pixel. */
struct Slice {
  Room values;
  ptrdiff_t pitch, channels;
};

/**
 * The slices' channels side by side in each pixel of `whole`; apart: back from there to the slices. All numbers are of
 * one type.
 */
struct Interleaving {
  Room whole;
  ptrdiff_t pitch;  // of the whole
  const Slice* slices;
  int count;
  ptrdiff_t pixels;
  bool apart;
};

/** first += sums + differences, second += sums − differences; null: not wanted. */
struct PairResults {
  const float *sums, *differences;
  float *first, *second;
  ptrdiff_t count;
};

/**
 * Four rows of terms t0 … t3, `pitch` floats each, added to rows d0 … d3: t0 to d0, t1 − t2 + t3 to d1, t1 + t2 − t0 to
 * d2, −t3 to d3.
 */
struct PairInputs {
  const float* terms;
  ptrdiff_t pitch;
  float* rows[4];
};

struct Loops {
  const char* name;
  int width;        // floats in a vector
  int productTile;  // multiply-adds of a step of a whole tile along the depth
  void (*correlate)(const Correlation&);
  void (*weightGradient)(const WeightGradient&);
  void (*maximum)(const Maximum&);
  void (*product)(const Product&);
  /**
   * The same of operands in bf16 whose `floats` are pairs along k, so that `depth` counts pairs. Of a pair the second
   * comes first.
   */
  void (*pairProduct)(const Product&);
  /** to[m][k / 2] = from[m][k] and from[m][k + 1], of float32; 0 in place of what is missing */
  void (*packRows)(const Packing&);
  /** to[k / 2][n] = from[k][n] and from[k + 1][n]; 0 in place of what is missing */
  void (*packPairs)(const Packing&);
  void (*channelSums)(const ChannelSums&);
  void (*channelScale)(const ChannelScale&);
  void (*channelMask)(const ChannelMask&);
  /** to[i] = from[i], or 0 where from[i] ≤ 0 */
  void (*copy)(Room to, Stored from, ptrdiff_t count, bool relu);
  void (*copyPixels)(const PixelCopy&);
  void (*interleave)(const Interleaving&);
  /** to[i] = from[i], or 0 where input[i] ≤ 0: the gradient of a ReLU; `to` is as the input is */
  void (*mask)(Room to, const float* from, Stored input, ptrdiff_t count);
  /** to[i] += from[i], or nothing where input[i] ≤ 0; without an input everywhere */
  void (*addMasked)(float* to, const float* from, const float* input, ptrdiff_t count);
  /** to[i] += from[i] */
  void (*add)(float* to, Stored from, ptrdiff_t count);
  /** to[i] = from[i] · factors[i] · factor */
  void (*scale)(Room to, Stored from, const float* factors, float factor, ptrdiff_t count);
  /** to[i] = one[i] + other[i] · factor */
  void (*addScaled)(float* to, const float* one, const float* other, float factor, ptrdiff_t count);
  void (*pairResults)(const PairResults&);
  void (*pairInputs)(const PairInputs&);
};

/**
 * The best version that this processor can run; NASNET_KERNELS=plain, avx2, avx512 or avx512bf16 asks for another one.
 */
const Loops& loops();

/**
 * The same for loops that read a row from several columns on. AVX-512's vectors are cache lines: where a column is no
 * whole number of those, most loads touch two, and AVX2 is faster (24 channels, both passes: 5×5 by a sixth, 3×3 by a
 * quarter; Zen 4).
 */
const Loops& loopsAlong(int64_t channels);

/** Whether NASNET_KERNELS=off replaces nasnet's kernels by libtorch's operators. */
bool kernelsOff();

extern const Loops plainLoops;
#if defined(__x86_64__)
extern const Loops avx2Loops;
// Weak: at address 0 where set-up left AVX-512 out (scripts/setup/processor.mjs).
extern const Loops avx512Loops __attribute__((weak));
#if __has_include(<avx512bf16intrin.h>)
#define NASNET_AVX512BF16  // the compiler knows it
extern const Loops avx512bf16Loops __attribute__((weak));
#endif
#endif

}  // namespace nasnet::kernels
