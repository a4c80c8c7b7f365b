// What optimizers do to the numbers of a tensor.
#pragma once

#include <cstdint>

namespace nasnet::kernels {

inline void addNumbers(float* __restrict to, const float* __restrict from, int64_t count, float times) {
  for (int64_t index = 0; index < count; ++index) to[index] += times * from[index];
}

inline void scaleNumbers(float* numbers, int64_t count, float times) {
  for (int64_t index = 0; index < count; ++index) numbers[index] *= times;
}

/** The sum of squares, in float64. */
inline double sumOfSquares(const float* numbers, int64_t count) {
  constexpr int64_t lanes = 8;  // independent sums, which are vectors
  double sums[lanes] = {};
  int64_t index = 0;
  for (; index + lanes <= count; index += lanes) {
    for (int64_t lane = 0; lane < lanes; ++lane) {
      const double number = numbers[index + lane];
      sums[lane] += number * number;
    }
  }
  for (; index < count; ++index) sums[0] += static_cast<double>(numbers[index]) * numbers[index];
  double whole = 0;
  for (const double sum : sums) whole += sum;
  return whole;
}

}  // namespace nasnet::kernels
