// See scratch.h.
#include "scratch.h"

#include <algorithm>
#include <cstdlib>
#include <new>
#include <utility>

namespace nasnet::kernels {

namespace {

thread_local Scratch* inUse = nullptr;

constexpr size_t line = 64;  // bytes of a cache line

size_t wholeLines(size_t bytes) { return (bytes + line - 1) / line * line; }

void* fromLibrary(size_t bytes) {
  void* const memory = std::aligned_alloc(line, bytes);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

Scratch* Scratch::current() { return inUse; }
Scratch* Scratch::use(Scratch* scratch) { return std::exchange(inUse, scratch); }

void* Scratch::take(size_t bytes) {
  const size_t start = blocks_.empty() ? 0 : blocks_.back().end, end = start + bytes;
  const bool fits = end <= bytes_;
  blocks_.reserve(blocks_.size() + 1);  // so that what follows the allocation does not fail
  char* const memory = fits ? piece_ + start : static_cast<char*>(fromLibrary(bytes));
  blocks_.push_back({memory, end, fits, false});
  most_ = std::max(most_, end);
  return memory;
}

// Nearly always that of the last block.
void Scratch::give(void* memory) {
  const auto block =
      std::find_if(blocks_.rbegin(), blocks_.rend(), [&](const Block& each) { return each.memory == memory; });
  if (!block->isOfPiece) std::free(memory);
  block->isFree = true;
  while (!blocks_.empty() && blocks_.back().isFree) blocks_.pop_back();
}

void Scratch::setPiece(void* piece, size_t bytes) {
  piece_ = static_cast<char*>(piece);
  bytes_ = bytes;
}

ScratchBlock::ScratchBlock(size_t bytes) : owner_(Scratch::current()) {
  const size_t whole = std::max(line, wholeLines(bytes));
  memory_ = owner_ == nullptr ? fromLibrary(whole) : owner_->take(whole);
}

ScratchBlock::~ScratchBlock() {
  if (memory_ == nullptr) return;
  if (owner_ == nullptr) std::free(memory_);
  else owner_->give(memory_);
}

ScratchBlock::ScratchBlock(ScratchBlock&& other) noexcept
    : memory_(std::exchange(other.memory_, nullptr)), owner_(other.owner_) {}

ScratchBlock& ScratchBlock::operator=(ScratchBlock&& other) noexcept {
  std::swap(memory_, other.memory_);
  std::swap(owner_, other.owner_);
  return *this;
}

}  // namespace nasnet::kernels
