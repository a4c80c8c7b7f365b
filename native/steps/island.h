// Operators in a row that autograd records and differentiates itself, because they have no node: the head, the loss,
// and whatever is rare. Each island has a graph of its own.
#pragma once

#include <ATen/core/dispatch/Dispatcher.h>

#include <unordered_map>
#include <vector>

#include "kernels/step-node.h"

namespace nasnet::steps {

using kernels::StepNode;
using kernels::StepValues;
using kernels::Value;

class Island : public StepNode {
 public:
  void add(const c10::OperatorHandle& handle, const kernels::ObservedCall& call);
  bool makes(Value value) const;
  /** Gives a result to the nodes behind the island. */
  void exportValue(Value value);

  void forward(StepValues& values) override;
  void backward(StepValues& values) override;
  void release() override;

 private:
  struct Operator {
    c10::OperatorHandle handle;
    std::vector<c10::IValue> arguments;  // without the tensors of the step
    std::vector<Value> values, listed;
    std::vector<Value> results;
  };
  using Tensors = std::unordered_map<Value, at::Tensor>;

  static std::vector<c10::IValue> argumentsOf(const Operator& each, const Tensors& tensors);

  std::vector<Operator> operators_;
  std::vector<Value> imports_, exports_;
  Tensors leaves_, roots_;  // between forward and backward
};

}  // namespace nasnet::steps
