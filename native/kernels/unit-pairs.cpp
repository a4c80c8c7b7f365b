// See unit-pairs.h.
#include "unit-pairs.h"

#include <cstring>

namespace nasnet::kernels {

namespace {

constexpr int terms = 4;

/** The input rows of a term: one plus or minus the other. */
struct Rows {
  int one, other;
  float sign;
};
constexpr Rows rowsOf[terms] = {{0, 2, -1}, {1, 2, 1}, {2, 1, -1}, {1, 3, -1}};

}  // namespace

DensePairs::DensePairs(const Unit& unit, const Plane& plane)
    : window_(unit.window), outputs_(unit.outputs), together_(tapsTogether(unit)),
      row_(window_.columns.result * outputs_), mostPairs_((bandRows(unit) + 1) / 2),
      columns_(columnOffsets(window_, plane)),
      inputs_(unit.numbers, window_.columns.result, together_ * window_.channels),
      gradients_(unit.numbers, window_.columns.result, outputs_), line_(mostPairs_ * plane.pitch() + 32),
      terms_(std::max(terms * plane.pitch(), 2 * row_) + 32), termGradients_(terms * mostPairs_ * row_ + 32),
      room_(mostPairs_ * window_.columns.result * together_ * window_.channels + 32),
      none_(std::max(plane.pitch(), row_) + 32),
      patches_(unit.numbers, mostPairs_ * window_.columns.result, together_ * window_.channels),
      outputGradients_(unit.numbers, mostPairs_ * window_.columns.result, outputs_) {}

void DensePairs::inputRow(int term, const Plane& plane, int64_t y, float* to) const {
  const Rows& rows = rowsOf[term];
  loops().addScaled(to, plane.row(y + rows.one), plane.row(y + rows.other), rows.sign, plane.pitch());
}

void DensePairs::product(int term, const Plane& plane, int64_t y, const Right& products, float* to) {
  const int64_t channels = window_.channels, taps = window_.columns.kernel, length = window_.columns.result;
  inputRow(term, plane, y, line_.get());
  for (int64_t tap = 0; tap < taps; tap += together_) {
    inputs_.take(line_.get() + columns_[tap], channels, length);
    inputs_.times(products, (term * taps + tap) / together_, 0, length, {to, outputs_, tap > 0});
  }
}

void DensePairs::run(const Plane& plane, int64_t y, int64_t count, const Right& products, float* to) {
  const int64_t end = y + count;
  for (int64_t even = y / 2 * 2; even < end; even += 2) {
    float* const first = even >= y ? to + (even - y) * row_ : nullptr;
    float* const second = even + 1 < end ? to + (even + 1 - y) * row_ : nullptr;
    if (first != nullptr) product(0, plane, even, products, first);
    product(1, plane, even, products, terms_.get());
    product(2, plane, even, products, terms_.get() + row_);
    if (second != nullptr) product(3, plane, even, products, second);
    loops().pairResults({terms_.get(), terms_.get() + row_, first, second, row_});
  }
}

void DensePairs::take(const Stored& gradient, int64_t count) {
  gradientRows_ = count;
  if (count % 2 != 0) std::fill_n(none_.get(), row_, 0.0f);
  for (int64_t y = 0; y < count; y += 2) {
    const bool whole = y + 1 < count;
    const float* const first = gradient.floats() + y * row_;
    const float* const second = whole ? first + row_ : none_.get();
    const int64_t place = y / 2 * row_;
    std::memcpy(gradientOf(0) + place, first, row_ * sizeof(float));
    loops().addScaled(gradientOf(1) + place, first, second, 1, row_);
    loops().addScaled(gradientOf(2) + place, first, second, -1, row_);
    if (whole) std::memcpy(gradientOf(3) + place, second, row_ * sizeof(float));
  }
}

void DensePairs::addToInput(const Plane& plane, int64_t y, const Right& products) {
  const int64_t channels = window_.channels, taps = window_.columns.kernel, pitch = plane.pitch();
  for (int64_t even = 0; even < gradientRows_; even += 2) {
    const bool whole = even + 1 < gradientRows_;
    std::fill_n(terms_.get(), terms * pitch, 0.0f);
    for (int term = 0; term < (whole ? terms : terms - 1); ++term) {
      gradients_.take(gradientOf(term) + even / 2 * row_, outputs_, window_.columns.result);
      for (int64_t tap = 0; tap < taps; ++tap) {
        float* const to = terms_.get() + term * pitch + columns_[tap];
        gradients_.times(products, term * taps + tap, 0, window_.columns.result, {to, channels, true});
      }
    }
    const int64_t top = y + even;
    float* const last = whole ? plane.row(top + 3) : none_.get();
    loops().pairInputs({terms_.get(), pitch, {plane.row(top), plane.row(top + 1), plane.row(top + 2), last}});
  }
}

void DensePairs::addToWeight(const Plane& plane, int64_t y, float* sums) {
  const int64_t channels = window_.channels, taps = window_.columns.kernel, wide = together_ * channels,
                length = window_.columns.result, pitch = plane.pitch();
  for (int term = 0; term < terms; ++term) {
    const int64_t pairs = term == 3 ? gradientRows_ / 2 : (gradientRows_ + 1) / 2;  // the last one lacks its second row
    if (pairs == 0) continue;
    for (int64_t pair = 0; pair < pairs; ++pair) inputRow(term, plane, y + 2 * pair, line_.get() + pair * pitch);
    outputGradients_.take(gradientOf(term), pairs * length);
    for (int64_t tap = 0; tap < taps; tap += together_) {
      for (int64_t pair = 0; pair < pairs; ++pair) {
        const float* const line = line_.get() + pair * pitch + columns_[tap];
        loops().copyPixels({room_.get() + pair * length * wide, wide, line, channels, length, wide, false});
      }
      patches_.take(room_.get(), pairs * length);
      patches_.addTo(sums + (term * taps + tap) * channels * outputs_, outputGradients_);
    }
  }
}

}  // namespace nasnet::kernels
