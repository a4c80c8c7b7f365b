// The forward and backward of a training step as a list of nodes that one call runs. Operators are observed once, while
// autograd runs them; the program then calls the same kernels in the same order, and its gradients have the same bits.
// Operators without a node of their own stay with autograd, several at a time (island.h).
#pragma once

#include <ATen/ATen.h>

#include <memory>
#include <vector>

#include "kernels/step-memory.h"
#include "kernels/step-node.h"

namespace nasnet::steps {

using kernels::StepNode;
using kernels::StepValues;
using kernels::Value;

class Program {
 public:
  /** gradients: those of the training, which its programs share */
  explicit Program(std::shared_ptr<kernels::KeptGradients> gradients) : memory_(std::move(gradients)) {}

  const std::shared_ptr<kernels::KeptGradients>& gradients() const { return memory_.gradients(); }

  /** Whether inputs have the shapes and layouts that were observed. */
  bool accepts(const std::vector<at::Tensor>& inputs) const;

  /**
   * Runs forward and backward, and adds to the gradients of parameters.
   * inputs: that it accepts
   * @returns the outputs
   */
  std::vector<at::Tensor> run(const std::vector<at::Tensor>& inputs);

 private:
  friend class Observation;

  /** The shape and layout that an input had when it was observed. */
  struct Form {
    std::vector<int64_t> sizes, strides;
    at::ScalarType dtype;
  };

  std::vector<at::Tensor> runNodes(const std::vector<at::Tensor>& inputs);

  kernels::StepMemory memory_;
  StepValues values_;
  std::vector<Form> forms_;  // of the first values, the inputs
  std::vector<std::unique_ptr<StepNode>> nodes_;
  std::vector<std::vector<Value>> lastReads_;  // by node: values that no later one reads
  Value loss_ = kernels::none;
  std::vector<Value> outputs_;
};

}  // namespace nasnet::steps
