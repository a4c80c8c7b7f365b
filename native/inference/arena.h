// The memory of a run.
#pragma once

#include <algorithm>
#include <unordered_map>
#include <vector>

#include "program.h"

namespace nasnet::inference {

/** A thread's own memory: results of a depthwise convolution or a pool before they are put in their places. */
struct Workplace {
  kernels::Floats tile{0}, across{0};
  std::vector<int> acrossPlaces;
  std::unordered_map<int64_t, Places> tilePlaces;  // by channels

  explicit Workplace(const std::vector<Step>& steps);
};

class Arena {
 public:
  Arena(const std::vector<Buffer>& buffers, int64_t images) {
    constexpr int64_t behind = 64;  // vectors are read to their end
    int64_t total = 0;
    for (const Buffer& each : buffers) {
      starts_.push_back(total);
      total += (each.floats * images + behind + 15) / 16 * 16;
    }
    memory_ = kernels::Floats(total);
    for (size_t index = 0; index < buffers.size(); ++index) {
      const int64_t end = index + 1 < buffers.size() ? starts_[index + 1] : total;
      std::fill(memory_.get() + starts_[index], memory_.get() + end, buffers[index].fill);
    }
  }

  float* buffer(int64_t index) const { return memory_.get() + starts_[index]; }

 private:
  std::vector<int64_t> starts_;
  kernels::Floats memory_{0};
};

}  // namespace nasnet::inference
