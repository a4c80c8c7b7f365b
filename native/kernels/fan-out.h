// nasnet::fan_out: the same images for several readers, and the sum of their gradients. Operators of this folder that
// read float32 images add their gradients in one memory while they compute them; the others' are added at the end.
#pragma once

#include <torch/csrc/autograd/custom_function.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/graph_task.h>
#include <torch/custom_class.h>

#include "images.h"

namespace nasnet::kernels {

/** The sum of the gradients so far; undefined before the first one. */
struct GradientSum : torch::CustomClassHolder {
  at::Tensor sum;
  const torch::autograd::Node* fanOut = nullptr;
};

struct FanOut : torch::autograd::Function<FanOut> {
  static torch::autograd::variable_list forward(torch::autograd::AutogradContext* context, const at::Tensor& images,
                                                int64_t count);
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list outer);
};

/** Returns what a reader's context saves of its input for SharedGradient: the sum of its gradients, or nothing. */
inline c10::IValue sharedBy(const at::Tensor& images) {
  if (!isFloats(images)) return {};  // sums of bf16 would be rounded once for each reader
  auto* node = dynamic_cast<torch::autograd::CppNode<FanOut>*>(images.grad_fn().get());
  if (node == nullptr) return {};
  const c10::IValue sum = node->ctx_.saved_data.at("sum");
  static_cast<GradientSum*>(sum.toCapsule().get())->fanOut = node;
  return sum;
}

/** Returns the sum in this backward, or null. */
inline at::Tensor* sumIn(const c10::IValue& shared) {
  if (shared.isNone()) return nullptr;
  auto* sum = static_cast<GradientSum*>(shared.toCapsule().get());
  // torch::autograd::grad may ask for the gradient of the fan-out's results only.
  const auto* asked = torch::autograd::get_current_graph_task_exec_info();
  if (asked == nullptr || asked->empty()) return &sum->sum;
  const auto found = asked->find(const_cast<torch::autograd::Node*>(sum->fanOut));
  return found != asked->end() && found->second.needed_ && found->second.captures_ == nullptr ? &sum->sum : nullptr;
}

/** Where an operator writes the gradient of its input: a new tensor, or the sum that all readers of the input have. */
class SharedGradient {
 public:
  SharedGradient() = default;

  /** sum: that of all readers, undefined before the first of them; null: the reader has its own gradient. */
  SharedGradient(at::Tensor* sum, const at::Tensor& like, at::IntArrayRef shape) {
    if (sum == nullptr) {
      images_ = result_ = emptyImages(like, shape);
      return;
    }
    adds_ = sum->defined();
    if (!adds_) *sum = emptyImages(like, shape);
    images_ = *sum;
  }

  const at::Tensor& images() const { return images_; }
  /** Whether the gradient is added to what is there. */
  bool adds() const { return adds_; }
  /** The gradient for autograd; undefined where the fan-out has the sum. */
  const at::Tensor& result() const { return result_; }

 private:
  at::Tensor images_, result_;
  bool adds_ = false;
};

}  // namespace nasnet::kernels
