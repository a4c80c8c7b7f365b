// nasnet::concat: images side by side in depth, in one pass; its gradients are images of their own, not slices of one that is wide.
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <numeric>

#include "combine.h"
#include "images.h"

namespace nasnet::kernels {

namespace {

using torch::autograd::variable_list;

struct Concat : torch::autograd::Function<Concat> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, at::TensorList parts) {
    std::vector<Slice> slices;
    std::vector<int64_t> channels;
    for (const at::Tensor& part : parts) {
      slices.push_back({part.data_ptr<float>(), pitchOf(part), part.size(1)});
      channels.push_back(part.size(1));
    }
    std::vector<int64_t> shape = parts[0].sizes().vec();
    shape[1] = std::accumulate(channels.begin(), channels.end(), int64_t{0});
    at::Tensor whole = emptyImages(parts[0], shape);
    concatenate(pixelsOf(whole), slices, whole.data_ptr<float>());
    context->saved_data["channels"] = channels;
    return whole;
  }

  static variable_list backward(torch::autograd::AutogradContext* context, variable_list outer) {
    const std::vector<int64_t> channels = context->saved_data["channels"].toIntVector();
    variable_list found;
    if (at::GradMode::is_enabled()) return outer[0].split_with_sizes(channels, 1);
    const at::Tensor whole = dense(outer[0]);
    std::vector<Slice> slices;
    std::vector<int64_t> shape = whole.sizes().vec();
    for (const int64_t each : channels) {
      shape[1] = each;
      found.push_back(emptyImages(whole, shape));
      slices.push_back({found.back().data_ptr<float>(), each, each});
    }
    split(pixelsOf(whole), whole.data_ptr<float>(), slices);
    return found;
  }
};

at::Tensor composedConcat(at::TensorList parts) { return at::cat(parts, 1); }

at::Tensor concat(at::TensorList parts) {
  bool ours = !parts.empty();
  for (const at::Tensor& part : parts) {
    ours = ours && isFloats(part) && part.dim() == 4 && part.numel() > 0 && pitchOf(part) > 0 && part.size(0) == parts[0].size(0) &&
           part.size(2) == parts[0].size(2) && part.size(3) == parts[0].size(3);
  }
  return ours ? Concat::apply(parts) : composedConcat(parts);
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(nasnet, library) { library.def("concat(Tensor[] images) -> Tensor"); }
TORCH_LIBRARY_IMPL(nasnet, CompositeImplicitAutograd, library) { library.impl("concat", composedConcat); }
TORCH_LIBRARY_IMPL(nasnet, AutogradCPU, library) { library.impl("concat", concat); }

}  // namespace nasnet::kernels
