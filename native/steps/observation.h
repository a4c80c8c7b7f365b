// Observes the operators of a step and makes a program of them.
#pragma once

#include <c10/util/intrusive_ptr.h>

#include <memory>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "island.h"
#include "program.h"
#include "schema.h"

namespace nasnet::steps {

class Observation {
 public:
  /**
   * inputs: what differs from step to step; constants: all other tensors that operators may read; sibling: another
   * program of the training, or null
   */
  Observation(const std::vector<at::Tensor>& inputs, const std::vector<at::Tensor>& constants, const Program* sibling);

  /** Called after each operator. */
  void add(const Operator& op, const std::vector<c10::IValue>& arguments, const std::vector<c10::IValue>& results);

  /** Returns the program; null if a program cannot do the same in every step. */
  std::shared_ptr<Program> program(const at::Tensor& loss, const std::vector<at::Tensor>& outputs);

 private:
  struct Known {
    c10::weak_intrusive_ptr<at::TensorImpl, at::UndefinedTensorImpl> tensor;  // so that its address is not reused
    Value value;
  };

  Value valueOf(const at::Tensor& tensor);
  Value newValue(const at::Tensor& tensor);
  bool reads(const std::vector<c10::IValue>& arguments, std::vector<Value>& values, std::vector<Value>& listed);
  void place(const Operator& op, const kernels::ObservedCall& call);
  void exportFrom(Value value, size_t reader);

  std::shared_ptr<Program> made_;
  std::unordered_map<const at::TensorImpl*, Known> known_;
  std::unordered_set<const at::TensorImpl*> constants_, trained_;
  std::vector<std::vector<Value>> reads_;  // by node
  std::vector<Island*> islands_;           // by node; null for the others
  std::vector<size_t> makers_;             // by value: the node
  std::vector<bool> outlive_;              // by node: whether its results are no memory of the step's
  bool possible_ = true;
};

}  // namespace nasnet::steps
