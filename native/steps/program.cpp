// See program.h.
#include "program.h"

#include <stdexcept>

namespace nasnet::steps {

std::vector<at::Tensor> Program::run(const std::vector<at::Tensor>& inputs) {
  if (inputs.size() != forms_.size()) throw std::invalid_argument("expected as many inputs as were observed");
  for (size_t index = 0; index < inputs.size(); ++index) {
    const auto& [sizes, strides, dtype] = forms_[index];
    const at::Tensor& input = inputs[index];
    if (input.sizes() != sizes || input.strides() != strides || input.scalar_type() != dtype)
      throw std::invalid_argument("expected inputs of the observed shapes and layouts");
  }
  struct Clearing {
    Program& program;
    ~Clearing() { program.clear(); }
  } const atEnd{*this};
  const at::NoGradGuard unrecorded;
  for (size_t index = 0; index < inputs.size(); ++index) values_.set(static_cast<Value>(index), inputs[index]);
  for (size_t index = 0; index < nodes_.size(); ++index) {
    nodes_[index]->forward(values_);
    for (const Value value : lastReads_[index]) values_.release(value);
  }
  std::vector<at::Tensor> outputs;
  for (const Value value : outputs_) outputs.push_back(values_.at(value));
  values_.addGradient(loss_, at::ones_like(values_.at(loss_)));
  for (auto node = nodes_.rbegin(); node != nodes_.rend(); ++node) {
    (*node)->backward(values_);
    (*node)->release();
  }
  return outputs;
}

void Program::clear() {
  for (const auto& node : nodes_) node->release();
  values_.clear();
}

}  // namespace nasnet::steps
