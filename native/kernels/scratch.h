// Memory that kernels need only while they run. In a training's program it is a piece of the step's memory
// (step-memory.h), used as a stack; elsewhere the C library's. Each operator takes a dozen blocks of some KiB, which
// the C library divides, merges and searches for.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace nasnet::kernels {

class Scratch {
 public:
  Scratch() { blocks_.reserve(64); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  /** Returns that of the program that runs on this thread, or null. */
  static Scratch* current();
  /** Makes it, or none, that of this thread. @returns the one before */
  static Scratch* use(Scratch* scratch);

  /** Memory aligned to a cache line: of the C library where the piece has no room. @throws std::bad_alloc */
  void* take(size_t bytes);
  void give(void* memory);

  /** The memory of the blocks from now on. None is in use. */
  void setPiece(void* piece, size_t bytes);
  /** Returns the bytes that a piece needs for all that was in use at once so far. */
  size_t most() const { return most_; }

 private:
  struct Block {
    char* memory;
    size_t end;  // in a piece of any size
    bool isOfPiece, isFree;
  };
  std::vector<Block> blocks_;  // by their places; those at its end are in use
  char* piece_ = nullptr;
  size_t bytes_ = 0, most_ = 0;
};

/** Returns memory for numbers of kernels, from the scratch memory of this thread if it has one. */
class ScratchBlock {
 public:
  explicit ScratchBlock(size_t bytes);
  ~ScratchBlock();
  ScratchBlock(ScratchBlock&& other) noexcept;
  ScratchBlock& operator=(ScratchBlock&& other) noexcept;

  void* get() const { return memory_; }

 private:
  void* memory_;
  Scratch* owner_;
};

/** Numbers that are 0 at first. */
template <typename Number>
class Zeros {
 public:
  explicit Zeros(int64_t count) : block_(static_cast<size_t>(count) * sizeof(Number)), count_(count) { clear(); }
  Zeros(const Zeros& other) : block_(static_cast<size_t>(other.count_) * sizeof(Number)), count_(other.count_) {
    std::copy_n(other.data(), count_, data());
  }
  Zeros& operator=(const Zeros&) = delete;

  void clear() { std::fill_n(data(), count_, Number(0)); }
  int64_t size() const { return count_; }
  Number* data() { return static_cast<Number*>(block_.get()); }
  const Number* data() const { return static_cast<const Number*>(block_.get()); }
  Number& operator[](int64_t index) { return data()[index]; }
  Number operator[](int64_t index) const { return data()[index]; }

 private:
  ScratchBlock block_;
  int64_t count_;
};

}  // namespace nasnet::kernels
