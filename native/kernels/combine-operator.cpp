// nasnet::combine: the sum of one or two images, each as it is or the raw result of nasnet::unit that is normalised on load.
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include "combine.h"
#include "images.h"

namespace nasnet::kernels {

namespace {

using torch::autograd::variable_list;
using Optional = c10::optional<at::Tensor>;  // absent: autograd takes no undefined tensors

/**
 * The gradient that goes to a raw result is that of its normalised values, and the one that goes to its norm holds the two sums that
 * nasnet::unit needs to go on from there: Σ gradient · normalised and Σ gradient, in the first two of four rows.
 */
struct Combine : torch::autograd::Function<Combine> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& left, const Optional& normOfLeft,
                            const Optional& ofRight, const Optional& normOfRight) {
    const at::Tensor leftNorm = normOfLeft.value_or(at::Tensor()), right = ofRight.value_or(at::Tensor());
    const at::Tensor rightNorm = normOfRight.value_or(at::Tensor());
    const Operand one{left.data_ptr<float>(), pitchOf(left), floatsOf(leftNorm)};
    at::Tensor result = emptyImages(left, left.sizes());
    if (right.defined()) {
      const Operand other{right.data_ptr<float>(), pitchOf(right), floatsOf(rightNorm)};
      combine(pixelsOf(left), one, &other, result.data_ptr<float>(), left.size(1));
    } else {
      combine(pixelsOf(left), one, nullptr, result.data_ptr<float>(), left.size(1));
    }
    context->save_for_backward({leftNorm.defined() ? left : at::Tensor(), leftNorm, rightNorm.defined() ? right : at::Tensor(), rightNorm});
    context->saved_data["right"] = right.defined();
    return result;
  }

  static variable_list backward(torch::autograd::AutogradContext* context, variable_list outer) {
    TORCH_CHECK(!at::GradMode::is_enabled(), "nasnet::combine: ", noSecondGradient);
    const variable_list saved = context->get_saved_variables();
    const at::Tensor gradient = pitched(outer[0]);
    variable_list found(4);
    std::vector<OperandSums> wanted;
    for (const int side : {0, 1}) {
      if (side == 1 && !context->saved_data["right"].toBool()) continue;
      found[2 * side] = gradient;
      const at::Tensor &raw = saved[2 * side], &norm = saved[2 * side + 1];
      if (!norm.defined()) continue;
      at::Tensor& sums = found[2 * side + 1] = at::empty({4, norm.size(1)}, norm.options());
      wanted.push_back({{raw.data_ptr<float>(), norm.size(1), norm.data_ptr<float>()}, sums.data_ptr<float>()});
    }
    if (!wanted.empty()) combineSums(pixelsOf(gradient), gradient.data_ptr<float>(), pitchOf(gradient), wanted.data(), wanted.size());
    return found;
  }
};

/** The same of libtorch's operators for any dtype and device. */
at::Tensor composedSum(const at::Tensor& left, const Optional& leftNorm, const Optional& right,
                       const Optional& rightNorm) {
  const at::Tensor one = leftNorm.has_value() ? normalised(left, *leftNorm) : left;
  if (!right.has_value()) return one;
  return one + (rightNorm.has_value() ? normalised(*right, *rightNorm) : *right);
}

at::Tensor combined(const at::Tensor& left, const Optional& leftNorm, const Optional& right,
                    const Optional& rightNorm) {
  if (!isFloats(left)) return composedSum(left, leftNorm, right, rightNorm);
  const auto checked = [](const at::Tensor& images, const Optional& norm) {
    checkImages(images);
    if (!norm.has_value()) return pitched(images);
    checkNorm(*norm, images.size(1));
    return dense(images);
  };
  const at::Tensor one = checked(left, leftNorm);
  Optional other;
  if (right.has_value()) {
    other = checked(*right, rightNorm);
    TORCH_CHECK(other->sizes() == one.sizes(), "expected images of one shape, got ", one.sizes(), " and ", other->sizes());
  }
  return Combine::apply(one, leftNorm, other, rightNorm);
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(nasnet, library) {
  library.def("combine(Tensor left, Tensor? left_norm, Tensor? right, Tensor? right_norm) -> Tensor");
}
TORCH_LIBRARY_IMPL(nasnet, CompositeImplicitAutograd, library) { library.impl("combine", composedSum); }
TORCH_LIBRARY_IMPL(nasnet, AutogradCPU, library) { library.impl("combine", combined); }

}  // namespace nasnet::kernels
