// Accurate sums over any number of terms: the loops sum blocks in float32, and the blocks are summed in float64.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace nasnet::kernels {

class LongSums {
 public:
  explicit LongSums(int64_t count) : floats_(count), sums_(count) {}

  /** The sums of a block, which the loops write or add to; take() adds them. */
  float* floats() { return floats_.data(); }

  void take() {
    for (size_t index = 0; index < sums_.size(); ++index) sums_[index] += floats_[index];
  }

  /** Returns the sums of all blocks. */
  const std::vector<double>& sums() const { return sums_; }

 protected:
  std::vector<float> floats_;

 private:
  std::vector<double> sums_;
};

/** The same for loops that add to the existing sums: they are added after every `most` terms. */
class AddedSums : LongSums {
 public:
  AddedSums(int64_t count, int64_t most) : LongSums(count), most_(most) {}

  using LongSums::floats;

  /** Counts the terms that were added to each of the floats. */
  void added(int64_t terms) {
    terms_ += terms;
    if (terms_ >= most_) flush();
  }

  const std::vector<double>& sums() {
    flush();
    return LongSums::sums();
  }

 private:
  void flush() {
    if (terms_ == 0) return;
    take();
    std::fill(floats_.begin(), floats_.end(), 0.0f);
    terms_ = 0;
  }

  int64_t most_, terms_ = 0;
};

}  // namespace nasnet::kernels
