// Gradients: runs backward, reads and clears gradients, and switches recording off.
#include "autograd.h"

#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/variable.h>

#include "machine.h"

namespace nasnet {

napi_value backward(Call& call) {
  const at::Tensor output = call.tensor(0);
  std::vector<at::Tensor> outputGradients;
  if (call.given(1)) outputGradients.push_back(call.tensor(1));
  torch::autograd::backward({output}, outputGradients, call.boolean(2), /*create_graph=*/false);
  useLargePages();
  return call.undefined();
}

napi_value gradient(Call& call) {
  const bool createGraph = call.boolean(3);
  return call.handles(torch::autograd::grad(call.tensors(0), call.tensors(1), call.tensors(2), createGraph, createGraph,
                                            /*allow_unused=*/true));
}

napi_value gradients(Call& call) {
  std::vector<at::Tensor> found;
  for (const at::Tensor& tensor : call.tensors(0)) found.push_back(tensor.grad());
  return call.handles(std::move(found));
}

napi_value setGradient(Call& call) {
  call.tensor(0).mutable_grad() = call.given(1) ? call.tensor(1) : at::Tensor();
  return call.undefined();
}

napi_value clearGradients(Call& call) {
  for (const at::Tensor& tensor : call.tensors(0)) {
    if (tensor.grad().defined()) tensor.mutable_grad() = at::Tensor();
  }
  return call.undefined();
}

napi_value requiresGradient(Call& call) { return call.make(call.tensor(0).requires_grad()); }

napi_value setRequiresGradient(Call& call) {
  call.tensor(0).set_requires_grad(call.boolean(1));
  return call.undefined();
}

napi_value setGradientMode(Call& call) {
  const bool before = at::GradMode::is_enabled();
  at::GradMode::set_enabled(call.boolean(0));
  return call.make(before);
}

}  // namespace nasnet
