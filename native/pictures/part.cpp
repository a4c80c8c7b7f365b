// Resizing rows first, then columns, in 16 bits: values times 128, weights times 65536. See part.h.
#include "part.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace nasnet::pictures {

namespace {

constexpr int lanes = 8;  // 16-bit values of one step
constexpr int scaleBits = 7;

/** For each new place the old ones that it is made of; weights of a place sum to 65536, or are 65535 alone. */
struct Taps {
  int count;
  std::vector<int32_t> first;
  std::vector<uint16_t> weights;  // [places, count]
};

Taps tapsOf(double start, double length, int available, int places) {
  const double scale = length / places;
  const double support = std::max(1.0, scale);
  const int low = std::clamp(static_cast<int>(std::floor(start)), 0, available - 1);
  const int high = std::clamp(static_cast<int>(std::ceil(start + length)), low + 1, available);
  Taps taps{std::min(high - low, static_cast<int>(std::ceil(2 * support))), {}, {}};
  taps.first.resize(places);
  taps.weights.resize(static_cast<size_t>(places) * taps.count);
  std::vector<double> shares(taps.count);
  for (int place = 0; place < places; ++place) {
    const double centre = start + (place + 0.5) * scale;
    const int from = std::clamp(static_cast<int>(std::floor(centre - support + 0.5)), low, high - taps.count);
    double sum = 0;
    for (int tap = 0; tap < taps.count; ++tap) {
      shares[tap] = std::max(0.0, 1 - std::abs(from + tap + 0.5 - centre) / support);
      sum += shares[tap];
    }
    if (sum <= 0) {  // beyond the last centre: the nearest pixel
      shares[centre < from + 0.5 ? 0 : taps.count - 1] = sum = 1;
    }
    uint16_t* weights = &taps.weights[static_cast<size_t>(place) * taps.count];
    int32_t rest = 65536;
    int largest = 0;
    for (int tap = 0; tap < taps.count; ++tap) {
      const auto weight = static_cast<int32_t>(std::lround(shares[tap] / sum * 65536));
      rest -= weight;
      weights[tap] = static_cast<uint16_t>(std::min(weight, 65535));
      if (weights[tap] > weights[largest]) largest = tap;
    }
    weights[largest] = static_cast<uint16_t>(std::clamp(weights[largest] + rest, 0, 65535));
    taps.first[place] = from;
  }
  return taps;
}

/** row [values]: the weighted sum of `count` rows of bytes, times 128. */
void sumRows(const uint8_t* bytes, int64_t stride, const uint16_t* weights, int count, int values, uint16_t* row,
             int at = 0) {
#if defined(__SSE2__)
  const __m128i zero = _mm_setzero_si128();
  const __m128i half = _mm_set1_epi16(static_cast<int16_t>(count >> 1));  // each product is rounded down
  for (; at + 2 * lanes <= values; at += 2 * lanes) {
    __m128i low = half, high = half;
    for (int tap = 0; tap < count; ++tap) {
      const __m128i packed = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes + tap * stride + at));
      const __m128i weight = _mm_set1_epi16(static_cast<int16_t>(weights[tap]));
      low = _mm_add_epi16(low, _mm_mulhi_epu16(_mm_slli_epi16(_mm_unpacklo_epi8(packed, zero), scaleBits), weight));
      high = _mm_add_epi16(high, _mm_mulhi_epu16(_mm_slli_epi16(_mm_unpackhi_epi8(packed, zero), scaleBits), weight));
    }
    _mm_storeu_si128(reinterpret_cast<__m128i*>(row + at), low);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(row + at + lanes), high);
  }
#endif
  for (; at < values; ++at) {
    uint32_t sum = static_cast<uint32_t>(count >> 1);
    for (int tap = 0; tap < count; ++tap)
      sum += (static_cast<uint32_t>(bytes[tap * stride + at]) << scaleBits) * weights[tap] >> 16;
    row[at] = static_cast<uint16_t>(sum);
  }
}

/** Weights of two places next to each other, four times each: [places / 2, count, 8]. */
std::vector<uint16_t> weightPairs(const Taps& taps, int places) {
  std::vector<uint16_t> pairs(static_cast<size_t>(places / 2) * taps.count * lanes);
  for (int place = 0; place + 1 < places; place += 2)
    for (int tap = 0; tap < taps.count; ++tap)
      for (int lane = 0; lane < lanes; ++lane)
        pairs[(static_cast<size_t>(place / 2) * taps.count + tap) * lanes + lane] =
            taps.weights[static_cast<size_t>(place + lane / 4) * taps.count + tap];
  return pairs;
}

/** result [places, 4]: weighted sums of pixels of a row [.., channels], times 128 as the row. */
void sumColumns(const uint16_t* row, int channels, const Taps& taps, [[maybe_unused]] const uint16_t* pairs, int places,
                uint16_t* result, int place = 0) {
  const int count = taps.count;
#if defined(__SSE2__)
  const __m128i half = _mm_set1_epi16(static_cast<int16_t>(count >> 1));
  pairs += static_cast<int64_t>(place / 2) * count * lanes;
  for (; place + 2 <= places; place += 2) {
    __m128i sum = half;
    const uint16_t* one = row + static_cast<int64_t>(taps.first[place]) * channels;
    const uint16_t* other = row + static_cast<int64_t>(taps.first[place + 1]) * channels;
    for (int tap = 0; tap < count; ++tap, one += channels, other += channels, pairs += lanes) {
      const __m128i values = _mm_unpacklo_epi64(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(one)),
                                                _mm_loadl_epi64(reinterpret_cast<const __m128i*>(other)));
      sum = _mm_add_epi16(sum, _mm_mulhi_epu16(values, _mm_loadu_si128(reinterpret_cast<const __m128i*>(pairs))));
    }
    _mm_storeu_si128(reinterpret_cast<__m128i*>(result + 4 * place), sum);
  }
#endif
  for (; place < places; ++place) {
    const uint16_t* weights = &taps.weights[static_cast<size_t>(place) * count];
    for (int channel = 0; channel < 4; ++channel) {
      uint32_t sum = static_cast<uint32_t>(count >> 1);
      const uint16_t* from = row + static_cast<int64_t>(taps.first[place]) * channels + channel;
      for (int tap = 0; tap < count; ++tap) sum += static_cast<uint32_t>(from[tap * channels]) * weights[tap] >> 16;
      result[4 * place + channel] = static_cast<uint16_t>(sum);
    }
  }
}

constexpr float unit = 1 << scaleBits;
constexpr float least = 1e-3f;  // of a largest channel above the smallest one; theirs differ by more or not at all

/** Saturation is HSV's: the largest channel stays, the others move from it. */
void recolour(uint16_t* pixel, const Changes& changes) {
  const float before = changes.brightnessFirst ? changes.brightness : 0;
  const float after = changes.brightnessFirst ? 0 : changes.brightness;
  float values[3];
  for (int channel = 0; channel < 3; ++channel) values[channel] = pixel[channel] / unit + before;
  const float most = std::max(values[0], std::max(values[1], values[2]));
  const float range = most - std::min(values[0], std::min(values[1], values[2]));
  const float factor = most > 0 ? std::min(changes.saturation, most / std::max(range, least)) : 1;
  for (int channel = 0; channel < 3; ++channel) {
    const float value = most - (most - values[channel]) * factor + after;
    pixel[channel] = static_cast<uint16_t>(std::lrint(std::min(255.0f, std::max(0.0f, value)) * unit));
  }
}

#if defined(__SSE2__)
/** Four pixels [4, 4] as `recolour`. */
void recolourFour(uint16_t* pixels, const Changes& changes) {
  const __m128i zero = _mm_setzero_si128();
  const __m128i low = _mm_loadu_si128(reinterpret_cast<const __m128i*>(pixels));
  const __m128i high = _mm_loadu_si128(reinterpret_cast<const __m128i*>(pixels + 8));
  __m128 r = _mm_cvtepi32_ps(_mm_unpacklo_epi16(low, zero));
  __m128 g = _mm_cvtepi32_ps(_mm_unpackhi_epi16(low, zero));
  __m128 b = _mm_cvtepi32_ps(_mm_unpacklo_epi16(high, zero));
  __m128 x = _mm_cvtepi32_ps(_mm_unpackhi_epi16(high, zero));
  _MM_TRANSPOSE4_PS(r, g, b, x);
  const __m128 before = _mm_set1_ps(changes.brightnessFirst ? changes.brightness : 0);
  const __m128 after = _mm_set1_ps(changes.brightnessFirst ? 0 : changes.brightness);
  const __m128 part = _mm_set1_ps(1 / unit);
  r = _mm_add_ps(_mm_mul_ps(r, part), before);
  g = _mm_add_ps(_mm_mul_ps(g, part), before);
  b = _mm_add_ps(_mm_mul_ps(b, part), before);
  const __m128 most = _mm_max_ps(r, _mm_max_ps(g, b));
  const __m128 range = _mm_sub_ps(most, _mm_min_ps(r, _mm_min_ps(g, b)));
  const __m128 limited =
      _mm_min_ps(_mm_set1_ps(changes.saturation), _mm_div_ps(most, _mm_max_ps(range, _mm_set1_ps(least))));
  const __m128 positive = _mm_cmpgt_ps(most, _mm_setzero_ps());
  const __m128 factor = _mm_or_ps(_mm_and_ps(positive, limited), _mm_andnot_ps(positive, _mm_set1_ps(1)));
  const auto moved = [&](__m128 value) {
    const __m128 changed = _mm_add_ps(_mm_sub_ps(most, _mm_mul_ps(_mm_sub_ps(most, value), factor)), after);
    return _mm_mul_ps(_mm_min_ps(_mm_set1_ps(255), _mm_max_ps(_mm_setzero_ps(), changed)), _mm_set1_ps(unit));
  };
  r = moved(r), g = moved(g), b = moved(b), x = _mm_setzero_ps();
  _MM_TRANSPOSE4_PS(r, g, b, x);
  const __m128i first = _mm_packs_epi32(_mm_cvtps_epi32(r), _mm_cvtps_epi32(g));  // at most 32640
  const __m128i second = _mm_packs_epi32(_mm_cvtps_epi32(b), _mm_cvtps_epi32(x));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(pixels), first);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(pixels + 8), second);
}
#endif

void recolourRow(uint16_t* pixels, int count, const Changes& changes, int place = 0) {
#if defined(__SSE2__)
  for (; place + 4 <= count; place += 4) recolourFour(pixels + 4 * place, changes);
#endif
  for (; place < count; ++place) recolour(pixels + 4 * place, changes);
}

/** Rounds pixels [count, 4] to bytes. */
void roundRow(const uint16_t* pixels, int count, uint8_t* bytes) {
  int at = 0;
#if defined(__SSE2__)
  const __m128i half = _mm_set1_epi16(1 << (scaleBits - 1));
  for (; at + 2 * lanes <= 4 * count; at += 2 * lanes) {
    const __m128i low = _mm_loadu_si128(reinterpret_cast<const __m128i*>(pixels + at));
    const __m128i high = _mm_loadu_si128(reinterpret_cast<const __m128i*>(pixels + at + lanes));
    const __m128i packed = _mm_packus_epi16(_mm_srli_epi16(_mm_add_epi16(low, half), scaleBits),
                                            _mm_srli_epi16(_mm_add_epi16(high, half), scaleBits));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(bytes + at), packed);
  }
#endif
  for (; at < 4 * count; ++at) bytes[at] = static_cast<uint8_t>((pixels[at] + (1 << (scaleBits - 1))) >> scaleBits);
}

/** Writes pixels [count, 4], rounded, as target [count, 3], mirrored if asked. */
void packRow(const uint16_t* pixels, int count, bool flip, uint8_t* target) {
  thread_local std::vector<uint8_t> bytes;
  bytes.resize(4 * count);
  roundRow(pixels, count, bytes.data());
  for (int place = 0; place < count - 1; ++place)  // four bytes at a time: the next pixel overwrites the fourth
    std::memcpy(target + 3 * place, &bytes[4 * (flip ? count - 1 - place : place)], 4);
  std::memcpy(target + 3 * (count - 1), &bytes[4 * (flip ? 0 : count - 1)], 3);
}

#if defined(__x86_64__)
// The same for AVX2, with equal results; they end with the functions above.
#define NASNET_AVX2 __attribute__((target("avx2")))

NASNET_AVX2 __m256i loadWide(const uint16_t* values) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(values));
}

NASNET_AVX2 __m256i twoHalves(const uint16_t* low, const uint16_t* high) {
  return _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(low))),
                                 _mm_loadu_si128(reinterpret_cast<const __m128i*>(high)), 1);
}

NASNET_AVX2 void sumRowsWide(const uint8_t* bytes, int64_t stride, const uint16_t* weights, int count, int values,
                             uint16_t* row) {
  int at = 0;
  const __m256i half = _mm256_set1_epi16(static_cast<int16_t>(count >> 1));
  for (; at + 4 * lanes <= values; at += 4 * lanes) {
    __m256i low = half, high = half;
    for (int tap = 0; tap < count; ++tap) {
      const auto* from = reinterpret_cast<const __m128i*>(bytes + tap * stride + at);
      const __m256i weight = _mm256_set1_epi16(static_cast<int16_t>(weights[tap]));
      const __m256i first = _mm256_slli_epi16(_mm256_cvtepu8_epi16(_mm_loadu_si128(from)), scaleBits);
      const __m256i second = _mm256_slli_epi16(_mm256_cvtepu8_epi16(_mm_loadu_si128(from + 1)), scaleBits);
      low = _mm256_add_epi16(low, _mm256_mulhi_epu16(first, weight));
      high = _mm256_add_epi16(high, _mm256_mulhi_epu16(second, weight));
    }
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(row + at), low);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(row + at + 2 * lanes), high);
  }
  sumRows(bytes, stride, weights, count, values, row, at);
}

/** Two pixels of a row next to each other. */
NASNET_AVX2 __m128i twoPixels(const uint16_t* one, const uint16_t* other) {
  return _mm_unpacklo_epi64(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(one)),
                            _mm_loadl_epi64(reinterpret_cast<const __m128i*>(other)));
}

NASNET_AVX2 void sumColumnsWide(const uint16_t* row, int channels, const Taps& taps, const uint16_t* pairs, int places,
                                uint16_t* result) {
  const int count = taps.count;
  const int32_t* first = taps.first.data();
  const __m256i half = _mm256_set1_epi16(static_cast<int16_t>(count >> 1));
  int place = 0;
  for (; place + 4 <= places; place += 4) {
    const uint16_t* weights = pairs + static_cast<int64_t>(place / 2) * count * lanes;
    const uint16_t* from[4];
    for (int each = 0; each < 4; ++each) from[each] = row + static_cast<int64_t>(first[place + each]) * channels;
    __m256i sum = half;
    for (int tap = 0, at = 0; tap < count; ++tap, at += channels) {
      const __m256i values = _mm256_inserti128_si256(_mm256_castsi128_si256(twoPixels(from[0] + at, from[1] + at)),
                                                     twoPixels(from[2] + at, from[3] + at), 1);
      const __m256i weight = twoHalves(weights + tap * lanes, weights + (count + tap) * lanes);
      sum = _mm256_add_epi16(sum, _mm256_mulhi_epu16(values, weight));
    }
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(result + 4 * place), sum);
  }
  sumColumns(row, channels, taps, pairs, places, result, place);
}

/** Pixels `one` and `other` as floats, one in each half. */
NASNET_AVX2 __m256 pixelPair(const uint16_t* one, const uint16_t* other) {
  const __m128i low = _mm_cvtepu16_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(one)));
  const __m128i high = _mm_cvtepu16_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(other)));
  return _mm256_cvtepi32_ps(_mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1));
}

/** Transposes 4 × 4 numbers in each half. */
NASNET_AVX2 void transposeHalves(__m256& a, __m256& b, __m256& c, __m256& d) {
  const __m256 ab = _mm256_unpacklo_ps(a, b), ba = _mm256_unpackhi_ps(a, b);
  const __m256 cd = _mm256_unpacklo_ps(c, d), dc = _mm256_unpackhi_ps(c, d);
  a = _mm256_shuffle_ps(ab, cd, 0x44), b = _mm256_shuffle_ps(ab, cd, 0xee);
  c = _mm256_shuffle_ps(ba, dc, 0x44), d = _mm256_shuffle_ps(ba, dc, 0xee);
}

NASNET_AVX2 __m256 movedWide(__m256 value, __m256 most, __m256 factor, __m256 after) {
  const __m256 changed = _mm256_add_ps(_mm256_sub_ps(most, _mm256_mul_ps(_mm256_sub_ps(most, value), factor)), after);
  const __m256 byte = _mm256_min_ps(_mm256_set1_ps(255), _mm256_max_ps(_mm256_setzero_ps(), changed));
  return _mm256_mul_ps(byte, _mm256_set1_ps(unit));
}

NASNET_AVX2 void recolourRowWide(uint16_t* pixels, int count, const Changes& changes) {
  const __m256 before = _mm256_set1_ps(changes.brightnessFirst ? changes.brightness : 0);
  const __m256 after = _mm256_set1_ps(changes.brightnessFirst ? 0 : changes.brightness);
  const __m256 part = _mm256_set1_ps(1 / unit), saturation = _mm256_set1_ps(changes.saturation);
  int place = 0;
  for (; place + 8 <= count; place += 8) {
    uint16_t* at = pixels + 4 * place;
    __m256 r = pixelPair(at, at + 16), g = pixelPair(at + 4, at + 20);
    __m256 b = pixelPair(at + 8, at + 24), x = pixelPair(at + 12, at + 28);
    transposeHalves(r, g, b, x);
    r = _mm256_add_ps(_mm256_mul_ps(r, part), before);
    g = _mm256_add_ps(_mm256_mul_ps(g, part), before);
    b = _mm256_add_ps(_mm256_mul_ps(b, part), before);
    const __m256 most = _mm256_max_ps(r, _mm256_max_ps(g, b));
    const __m256 range = _mm256_sub_ps(most, _mm256_min_ps(r, _mm256_min_ps(g, b)));
    const __m256 limited = _mm256_min_ps(saturation, _mm256_div_ps(most, _mm256_max_ps(range, _mm256_set1_ps(least))));
    const __m256 positive = _mm256_cmp_ps(most, _mm256_setzero_ps(), _CMP_GT_OQ);
    const __m256 factor = _mm256_blendv_ps(_mm256_set1_ps(1), limited, positive);
    r = movedWide(r, most, factor, after);
    g = movedWide(g, most, factor, after);
    b = movedWide(b, most, factor, after);
    x = _mm256_setzero_ps();
    transposeHalves(r, g, b, x);
    const __m256i first = _mm256_packus_epi32(_mm256_cvtps_epi32(r), _mm256_cvtps_epi32(g));
    const __m256i second = _mm256_packus_epi32(_mm256_cvtps_epi32(b), _mm256_cvtps_epi32(x));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(at), _mm256_permute2x128_si256(first, second, 0x20));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(at + 16), _mm256_permute2x128_si256(first, second, 0x31));
  }
  recolourRow(pixels, count, changes, place);
}

NASNET_AVX2 void packRowWide(const uint16_t* pixels, int count, bool flip, uint8_t* target) {
  const __m256i half = _mm256_set1_epi16(1 << (scaleBits - 1));
  const __m128i ahead = _mm_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1);
  const __m128i back = _mm_setr_epi8(12, 13, 14, 8, 9, 10, 4, 5, 6, 0, 1, 2, -1, -1, -1, -1);
  int place = 0;
  for (; place + 6 <= count; place += 4) {  // 16 bytes are written, of which the next pixels overwrite four
    const __m256i four = loadWide(pixels + 4 * (flip ? count - 4 - place : place));
    const __m256i rounded = _mm256_srli_epi16(_mm256_add_epi16(four, half), scaleBits);
    const __m128i bytes = _mm_packus_epi16(_mm256_castsi256_si128(rounded), _mm256_extracti128_si256(rounded, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(target + 3 * place), _mm_shuffle_epi8(bytes, flip ? back : ahead));
  }
  // Of a mirrored row the first pixels are left, of another the last ones.
  if (place < count) packRow(flip ? pixels : pixels + 4 * place, count - place, flip, target + 3 * place);
}
#endif

/** The functions for one row. */
struct RowFunctions {
  void (*sumRows)(const uint8_t*, int64_t, const uint16_t*, int, int, uint16_t*);
  void (*sumColumns)(const uint16_t*, int, const Taps&, const uint16_t*, int, uint16_t*);
  void (*recolour)(uint16_t*, int, const Changes&);
  void (*pack)(const uint16_t*, int, bool, uint8_t*);
};

/** Chooses by the processor; NASNET_KERNELS=plain asks for those of every processor, as for the other kernels. */
RowFunctions chooseFunctions() {
#if defined(__x86_64__)
  const char* asked = std::getenv("NASNET_KERNELS");
  const bool plain = asked != nullptr && std::strcmp(asked, "plain") == 0;
  if (!plain && __builtin_cpu_supports("avx2")) return {sumRowsWide, sumColumnsWide, recolourRowWide, packRowWide};
#endif
  return {[](const uint8_t* bytes, int64_t stride, const uint16_t* weights, int count, int values, uint16_t* row) {
            sumRows(bytes, stride, weights, count, values, row);
          },
          [](const uint16_t* row, int channels, const Taps& taps, const uint16_t* pairs, int places, uint16_t* result) {
            sumColumns(row, channels, taps, pairs, places, result);
          },
          [](uint16_t* pixels, int count, const Changes& changes) { recolourRow(pixels, count, changes); }, packRow};
}

}  // namespace

void showPart(const Pixels& pixels, const Part& part, int size, const Changes& changes, uint8_t* target) {
  const Taps rows = tapsOf(part.top, part.height, pixels.height, size);
  Taps columns = tapsOf(part.left, part.width, pixels.width, size);
  const int low = columns.first.front();
  const int high = *std::max_element(columns.first.begin(), columns.first.end()) + columns.count;
  for (int32_t& first : columns.first) first -= low;
  const int values = (high - low) * pixels.channels;
  const std::vector<uint16_t> pairs = weightPairs(columns, size);
  static const RowFunctions functions = chooseFunctions();
  thread_local std::vector<uint16_t> summed, row;
  summed.resize(values + lanes);
  row.resize(4 * size);
  for (int y = 0; y < size; ++y) {
    const uint8_t* first = pixels.bytes + rows.first[y] * pixels.stride + static_cast<int64_t>(low) * pixels.channels;
    functions.sumRows(first, pixels.stride, &rows.weights[static_cast<size_t>(y) * rows.count], rows.count, values,
                      summed.data());
    functions.sumColumns(summed.data(), pixels.channels, columns, pairs.data(), size, row.data());
    if (changes.colour) functions.recolour(row.data(), size, changes);
    functions.pack(row.data(), size, changes.flip, target + static_cast<int64_t>(y) * size * 3);
  }
}

}  // namespace nasnet::pictures
