// Accurate sums over any number of terms: the loops sum blocks in float32, and the blocks are summed in float64.
#pragma once

#include <cstdint>

#include "scratch.h"

namespace nasnet::kernels {

class LongSums {
 public:
  explicit LongSums(int64_t count) : floats_(count), sums_(count) {}

  /** The sums of a block, which the loops write or add to; take() adds them. */
  float* floats() { return floats_.data(); }

  void take() {
    double* const to = sums_.data();
    const float* const from = floats_.data();
    for (int64_t index = 0; index < sums_.size(); ++index) to[index] += from[index];
  }

  /** Returns the sums of all blocks. */
  const Zeros<double>& sums() const { return sums_; }

 protected:
  Zeros<float> floats_;

 private:
  Zeros<double> sums_;
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

  const Zeros<double>& sums() {
    flush();
    return LongSums::sums();
  }

 private:
  void flush() {
    if (terms_ == 0) return;
    take();
    floats_.clear();
    terms_ = 0;
  }

  int64_t most_, terms_ = 0;
};

}  // namespace nasnet::kernels
