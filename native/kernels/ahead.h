// Memory that a unit will need soon, fetched into the cache while it computes. The processor itself fetches ahead along
// a line of memory, but a unit alternates between several images, 16 KiB of each at a time.
#pragma once

#include <algorithm>
#include <cstdint>

#include "loops/loops.h"
#include "plane.h"

namespace nasnet::kernels {

constexpr int64_t cacheLine = 64;  // bytes

/** The memory that the next band of a unit reads and writes, fetched bit by bit by the products of this band. */
class NextBand {
 public:
  void clear() {
    ahead_.count = 0;
    lines_ = 0;
  }

  /** Adds `count` numbers. */
  void add(const Stored& from, int64_t count) {
    if (from.data == nullptr || count <= 0) return;
    const char* begin = static_cast<const char*>(from.data);
    const char* end = begin + count * bytesOf(from.numbers);
    ahead_.ranges[ahead_.count++] = {begin, end};
    lines_ += (end - begin + cacheLine - 1) / cacheLine;
  }

  /** Distributes them over products of so many multiply-adds together. */
  void spread(int64_t multiplyAdds) {
    const int64_t tile = loops().productTile;
    ahead_.rate = static_cast<float>(lines_) / static_cast<float>(std::max<int64_t>(1, multiplyAdds / tile));
  }

  Ahead* ahead() { return &ahead_; }

 private:
  Ahead ahead_;
  int64_t lines_ = 0;
};

}  // namespace nasnet::kernels
