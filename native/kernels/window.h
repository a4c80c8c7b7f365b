// The geometry of a window on an image: sizes, padding, strides and dilation, and values that are computed from them,
// for rows and columns.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace nasnet::kernels {

/** One axis, rows or columns: result i reads input i · stride + k · dilation − before, for k < kernel. */
struct Axis {
  int64_t input, result;
  int64_t kernel, stride, dilation;
  int64_t before, after;  // padding; negative cuts off

  // one beyond the last padded cell read
  int64_t last() const { return (result - 1) * stride + (kernel - 1) * dilation + 1; }
  /** The first input that results begin … end read, and one beyond the last; either may be padding. */
  std::pair<int64_t, int64_t> readBy(int64_t begin, int64_t end) const {
    return {begin * stride - before, (end - 1) * stride + (kernel - 1) * dilation + 1 - before};
  }
};

struct Window {
  int64_t images, channels;
  Axis rows, columns;

  int64_t inputFloats() const { return rows.input * columns.input * channels; }  // of an image
  int64_t resultFloats() const { return rows.result * columns.result * channels; }
};

/**
 * The taps of an axis that reach the inputs i ≡ remainder (mod stride), by ascending place of the result they come
 * from.
 */
struct Reach {
  std::vector<int64_t> taps;
  int64_t first = 0;  // tap n connects input m · stride + remainder with result m + first + n · apart
  int64_t apart = 1;
};

Reach reach(const Axis& axis, int64_t remainder);

}  // namespace nasnet::kernels
