// An operator as a step of a training's program (steps/program.h): it runs the same kernels as the operator's autograd
// function, without the dispatcher and the graph. The nodes are next to those functions, with which they share bodies.
#pragma once

#include <ATen/ATen.h>

#include <memory>
#include <vector>

namespace nasnet::kernels {

/** A tensor of a step by its number: an input or an operator's result. */
using Value = int32_t;
constexpr Value none = -1;

/** The tensors of a running step and their gradients. */
class StepValues {
 public:
  /** Adds a value, which gets a gradient in backward if asked. */
  Value add(bool hasGradient);
  /** Lets the readers of these values write their gradients into one sum (fan-out.h). */
  void share(const std::vector<Value>& views);

  const at::Tensor& at(Value value) const { return value == none ? undefined_ : slots_[value].tensor; }
  void set(Value value, at::Tensor tensor) { slots_[value].tensor = std::move(tensor); }
  void release(Value value) { slots_[value].tensor.reset(); }

  bool hasGradient(Value value) const { return value != none && slots_[value].hasGradient; }
  /** Adds a gradient in the order of autograd: readers of a value arrive from the last to the first. */
  void addGradient(Value value, const at::Tensor& gradient);
  at::Tensor takeGradient(Value value);
  /** Returns the sum that the readers of a fan-out share; null where a reader has a gradient of its own. */
  at::Tensor* sharedSum(Value value);

  void clear();

 private:
  struct Slot {
    at::Tensor tensor, gradient, sum;
    bool hasGradient;
    Value fanOut = none;  // the first of the views that share their sum
  };
  std::vector<Slot> slots_;
  const at::Tensor undefined_;
};

/** Adds to the gradient of a parameter as autograd does; a gradient that nobody else has becomes the parameter's. */
void addToParameter(const at::Tensor& parameter, at::Tensor gradient);

class StepNode {
 public:
  virtual ~StepNode() = default;
  /** Computes the results and keeps what backward needs. */
  virtual void forward(StepValues& values) = 0;
  virtual void backward(StepValues& values) = 0;
  /** Frees what forward kept. */
  virtual void release() {}
};

/** A call of an operator that was observed. */
struct ObservedCall {
  const std::vector<c10::IValue>& arguments;
  /** The value of each argument: none of a parameter, a constant, or a list. */
  const std::vector<Value>& values;
  /** The values of the tensors in lists. */
  const std::vector<Value>& listed;
  const std::vector<Value>& results;

  bool isGiven(size_t index) const { return arguments[index].isTensor() && arguments[index].toTensor().defined(); }
  at::Tensor tensor(size_t index) const { return isGiven(index) ? arguments[index].toTensor() : at::Tensor(); }
  bool isConstant(size_t index) const { return values[index] == none; }
};

/** Each makes a node of a call, or nothing if the operator's own kernels do not compute it. */
using NodeMaker = std::unique_ptr<StepNode> (*)(const ObservedCall& call);
std::unique_ptr<StepNode> unitNode(const ObservedCall& call);
std::unique_ptr<StepNode> batchNormNode(const ObservedCall& call);
std::unique_ptr<StepNode> combineNode(const ObservedCall& call);
std::unique_ptr<StepNode> concatNode(const ObservedCall& call);
std::unique_ptr<StepNode> fanOutNode(const ObservedCall& call);
std::unique_ptr<StepNode> averagePoolNode(const ObservedCall& call);
std::unique_ptr<StepNode> maxPoolNode(const ObservedCall& call);

}  // namespace nasnet::kernels
