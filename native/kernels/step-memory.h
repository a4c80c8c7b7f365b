// The memory of a training's program (steps/program.h). A first run notes when each tensor is made and freed; from then
// on all of them lie in one piece of memory, at places where those of the same time do not overlap. Behind them is what
// kernels need while they run (scratch.h). The programs of a thread share that piece. What the first run did not free,
// or too much memory, stays unplanned: allocated one by one.
#pragma once

#include <ATen/ATen.h>

#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "scratch.h"

namespace nasnet::kernels {

/** Returns memory laid out as a parameter. */
at::Tensor newGradient(const at::Tensor& parameter);

/**
 * The gradients of a training's parameters, in one piece of memory that its programs keep from step to step. It is
 * there before the first step, since small pieces among those of a step would divide the memory that it frees.
 */
class KeptGradients {
 public:
  explicit KeptGradients(const std::vector<at::Tensor>& parameters);

  /**
   * Returns memory for the gradient of a parameter: the same in each step, unless the parameter has a gradient already
   * or somebody else has the one of an earlier step.
   */
  at::Tensor roomFor(const at::Tensor& parameter) const;

 private:
  struct Kept {
    at::Tensor parameter, gradient;
  };
  std::unordered_map<const at::TensorImpl*, Kept> kept_;  // by parameter
};

class StepMemory {
 public:
  /** The operators of this folder make their tensors in it during the life of this object, on this thread. */
  class Use {
   public:
    explicit Use(StepMemory* memory);
    ~Use();
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;

   private:
    StepMemory* const outer_;
    Scratch* const outerScratch_;
  };

  /** Returns the memory in use on this thread, or null. */
  static StepMemory* current();

  /** gradients: those of the training, which its programs share */
  explicit StepMemory(std::shared_ptr<KeptGradients> gradients);
  ~StepMemory();
  StepMemory(const StepMemory&) = delete;
  StepMemory& operator=(const StepMemory&) = delete;

  /** Begins a step. */
  void begin();
  /** Ends a step, whose tensors are all freed. isWhole: whether it ran to its end. */
  void end(bool isWhole);

  at::Tensor make(at::IntArrayRef sizes, at::ScalarType dtype, at::MemoryFormat format);
  const std::shared_ptr<KeptGradients>& gradients() const { return gradients_; }

 private:
  struct Piece {
    std::vector<int64_t> sizes;
    at::ScalarType dtype;
    at::MemoryFormat format;
    int64_t bytes;
    int64_t made, freed;  // in the order of events; freed is −1 before
  };
  struct Notes {
    std::vector<Piece> pieces;
    int64_t events = 0;
  };

  at::Tensor noted(at::IntArrayRef sizes, at::ScalarType dtype, at::MemoryFormat format);
  void plan();

  const std::shared_ptr<KeptGradients> gradients_;
  std::shared_ptr<Notes> notes_;     // of the first run
  std::vector<at::Tensor> tensors_;  // in the order in which a step makes them
  c10::Storage storage_;             // of all of them and the scratch; has memory during a step
  int64_t bytes_ = 0;
  Scratch scratch_;
  size_t next_ = 0;
  enum { unknown, planned, unplanned } state_ = unknown;
};

}  // namespace nasnet::kernels
