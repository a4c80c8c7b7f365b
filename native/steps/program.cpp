// See program.h.
#include "program.h"

#include <algorithm>
#include <stdexcept>

#include "kernels/operands.h"

namespace nasnet::steps {

namespace {

/** Returns the gradient of a loss, []. */
at::Tensor oneLike(const at::Tensor& loss) {
  if (!kernels::isFloats(loss) || loss.dim() > 0) return at::ones_like(loss);
  const at::Tensor one = kernels::emptyFloats({});
  *kernels::floatsOf(one) = 1;
  return one;
}

}  // namespace

bool Program::accepts(const std::vector<at::Tensor>& inputs) const {
  return std::equal(
      inputs.begin(), inputs.end(), forms_.begin(), forms_.end(), [](const at::Tensor& input, const Form& form) {
        return input.sizes() == form.sizes && input.strides() == form.strides && input.scalar_type() == form.dtype;
      });
}

std::vector<at::Tensor> Program::run(const std::vector<at::Tensor>& inputs) {
  if (!accepts(inputs)) throw std::invalid_argument("expected inputs of the observed shapes and layouts");
  struct Step {
    Program& program;
    bool isWhole;
    ~Step() {
      for (const auto& node : program.nodes_) node->release();
      program.values_.clear();
      program.memory_.end(isWhole);
    }
  };
  memory_.begin();
  Step step{*this, false};
  std::vector<at::Tensor> outputs = runNodes(inputs);
  step.isWhole = true;
  return outputs;
}

std::vector<at::Tensor> Program::runNodes(const std::vector<at::Tensor>& inputs) {
  const at::NoGradGuard unrecorded;
  const kernels::StepMemory::Use memory(&memory_);
  for (size_t index = 0; index < inputs.size(); ++index) values_.set(static_cast<Value>(index), inputs[index]);
  for (size_t index = 0; index < nodes_.size(); ++index) {
    nodes_[index]->forward(values_);
    for (const Value value : lastReads_[index]) values_.release(value);
  }
  std::vector<at::Tensor> outputs;
  for (const Value value : outputs_) outputs.push_back(values_.at(value));
  values_.addGradient(loss_, oneLike(values_.at(loss_)));
  for (auto node = nodes_.rbegin(); node != nodes_.rend(); ++node) {
    (*node)->backward(values_);
    (*node)->release();
  }
  return outputs;
}

}  // namespace nasnet::steps
