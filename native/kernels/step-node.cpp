// See step-node.h.
#include "step-node.h"

namespace nasnet::kernels {

Value StepValues::add(bool hasGradient) {
  slots_.push_back({{}, {}, {}, hasGradient, none});
  return static_cast<Value>(slots_.size() - 1);
}

void StepValues::share(const std::vector<Value>& views) {
  for (const Value view : views) slots_[view].fanOut = views.front();
}

void StepValues::addGradient(Value value, const at::Tensor& gradient) {
  if (!gradient.defined() || !hasGradient(value)) return;
  at::Tensor& sum = slots_[value].gradient;
  sum = sum.defined() ? sum + gradient : gradient;
}

at::Tensor StepValues::takeGradient(Value value) {
  return value == none ? at::Tensor() : std::move(slots_[value].gradient);
}

at::Tensor* StepValues::sharedSum(Value value) {
  if (value == none || slots_[value].fanOut == none) return nullptr;
  return &slots_[slots_[value].fanOut].sum;
}

void StepValues::clear() {
  for (Slot& slot : slots_) {
    for (at::Tensor* each : {&slot.tensor, &slot.gradient, &slot.sum}) each->reset();
  }
}

void addToParameter(const at::Tensor& parameter, at::Tensor gradient) {
  if (!gradient.defined() || !parameter.requires_grad()) return;
  at::Tensor& sum = parameter.mutable_grad();
  if (sum.defined()) sum.add_(gradient);
  else sum = std::move(gradient);
}

}  // namespace nasnet::kernels
