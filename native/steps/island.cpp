// See island.h.
#include "island.h"

#include <torch/csrc/autograd/autograd.h>

#include <algorithm>

#include "kernels/step-memory.h"

namespace nasnet::steps {

namespace {

bool contains(const std::vector<Value>& values, Value value) {
  return std::find(values.begin(), values.end(), value) != values.end();
}

}  // namespace

void Island::add(const c10::OperatorHandle& handle, const kernels::ObservedCall& call) {
  Operator made{handle, call.arguments, call.values, call.listed, call.results};
  for (size_t index = 0; index < made.arguments.size(); ++index) {
    if (made.values[index] != kernels::none) made.arguments[index] = c10::IValue();
    if (!made.arguments[index].isTensorList()) continue;
    c10::List<at::Tensor> constants;
    size_t place = 0;
    for (const at::Tensor& each : call.arguments[index].toTensorVector())
      constants.push_back(call.listed[place++] == kernels::none ? each : at::Tensor());
    made.arguments[index] = constants;
  }
  for (const std::vector<Value>* read : {&made.values, &made.listed}) {
    for (const Value value : *read)
      if (value != kernels::none && !makes(value) && !contains(imports_, value)) imports_.push_back(value);
  }
  operators_.push_back(std::move(made));
}

bool Island::makes(Value value) const {
  return std::any_of(operators_.begin(), operators_.end(),
                     [&](const Operator& each) { return contains(each.results, value); });
}

void Island::exportValue(Value value) {
  if (!contains(exports_, value)) exports_.push_back(value);
}

std::vector<c10::IValue> Island::argumentsOf(const Operator& each, const Tensors& tensors) {
  std::vector<c10::IValue> arguments = each.arguments;
  for (size_t index = 0; index < arguments.size(); ++index) {
    if (each.values[index] != kernels::none) arguments[index] = tensors.at(each.values[index]);
    if (!arguments[index].isTensorList()) continue;
    c10::List<at::Tensor> list = arguments[index].toTensorList().copy();
    for (size_t place = 0; place < list.size(); ++place)
      if (each.listed[place] != kernels::none) list.set(place, tensors.at(each.listed[place]));
    arguments[index] = list;
  }
  return arguments;
}

void Island::forward(StepValues& values) {
  const kernels::StepMemory::Use ofAutograd(nullptr);
  const at::AutoGradMode recorded(true);
  Tensors tensors;
  for (const Value value : imports_) {
    at::Tensor leaf = values.at(value).detach();
    if (values.hasGradient(value)) leaves_[value] = leaf.requires_grad_();
    tensors[value] = leaf;
  }
  for (const Operator& each : operators_) {
    std::vector<c10::IValue> stack = argumentsOf(each, tensors);
    each.handle.callBoxed(&stack);
    size_t place = 0;
    for (const c10::IValue& result : stack) {
      if (result.isTensor()) tensors[each.results[place++]] = result.toTensor();
      else
        for (const at::Tensor& one : result.toTensorVector()) tensors[each.results[place++]] = one;
    }
  }
  for (const Value value : exports_) {
    const at::Tensor& result = tensors.at(value);
    values.set(value, result.detach());
    if (result.requires_grad()) roots_[value] = result;
  }
}

void Island::backward(StepValues& values) {
  const kernels::StepMemory::Use ofAutograd(nullptr);
  std::vector<at::Tensor> roots, gradients;
  for (const Value value : exports_) {
    const at::Tensor gradient = values.takeGradient(value);
    if (!gradient.defined() || roots_.count(value) == 0) continue;
    roots.push_back(roots_.at(value));
    gradients.push_back(gradient);
  }
  roots_.clear();
  if (roots.empty()) return;
  torch::autograd::backward(roots, gradients, /*retain_graph=*/false, /*create_graph=*/false);
  for (const Value value : imports_) {
    const auto leaf = leaves_.find(value);
    if (leaf != leaves_.end()) values.addGradient(value, leaf->second.grad());
  }
}

void Island::release() {
  leaves_.clear();
  roots_.clear();
}

}  // namespace nasnet::steps
