// Operators that combine images. nasnet::combine: the sum of one or two, each a normal tensor or the raw result of
// nasnet::unit, which is normalised on load. nasnet::concat: concatenation of channels; its gradients are separate
// images, not slices of a wide one. nasnet::fan_out: the opposite of a sum.
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <algorithm>
#include <utility>

#include "combine.h"
#include "fan-out.h"
#include "images.h"

namespace nasnet::kernels {

namespace {

using torch::autograd::variable_list;
using Optional = c10::optional<at::Tensor>;  // absent: autograd takes no undefined tensors

at::Tensor sumOf(const at::Tensor& left, const at::Tensor& leftNorm, const at::Tensor& right,
                 const at::Tensor& rightNorm) {
  const Operand one{storedIn(left), pitchOf(left), floatsOf(leftNorm)};
  const Operand other{storedIn(right), right.defined() ? pitchOf(right) : 0, floatsOf(rightNorm)};
  at::Tensor result = emptyImages(left, left.sizes());
  combine(pixelsOf(left), one, right.defined() ? &other : nullptr, roomOf(result));
  return result;
}

/**
 * The gradient that goes to a raw result is that of its normalised values, and the one that goes to its norm holds the
 * two sums that nasnet::unit needs to go on from there: Σ gradient · normalised and Σ gradient, in the first two of
 * four rows.
 */
struct Combine : torch::autograd::Function<Combine> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& left,
                            const Optional& normOfLeft, const Optional& ofRight, const Optional& normOfRight) {
    const at::Tensor leftNorm = normOfLeft.value_or(at::Tensor()), right = ofRight.value_or(at::Tensor());
    const at::Tensor rightNorm = normOfRight.value_or(at::Tensor());
    context->save_for_backward(
        {leftNorm.defined() ? left : at::Tensor(), leftNorm, rightNorm.defined() ? right : at::Tensor(), rightNorm});
    context->saved_data["right"] = right.defined();
    return sumOf(left, leftNorm, right, rightNorm);
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
      wanted.push_back({{storedIn(raw), norm.size(1), norm.data_ptr<float>()}, sums.data_ptr<float>()});
    }
    if (!wanted.empty())
      combineSums(pixelsOf(gradient), storedIn(gradient), pitchOf(gradient), wanted.data(), wanted.size());
    return found;
  }
};

/** The same with libtorch's operators, for any dtype and device. */
at::Tensor composedSum(const at::Tensor& left, const Optional& leftNorm, const Optional& right,
                       const Optional& rightNorm) {
  const at::Tensor one = leftNorm.has_value() ? normalised(left, *leftNorm) : left;
  if (!right.has_value()) return one;
  return one + (rightNorm.has_value() ? normalised(*right, *rightNorm) : *right);
}

at::Tensor combined(const at::Tensor& left, const Optional& leftNorm, const Optional& right,
                    const Optional& rightNorm) {
  if (!isStored(left)) return composedSum(left, leftNorm, right, rightNorm);
  const auto checked = [](const at::Tensor& images, const Optional& norm) {
    checkImages(images);
    if (!norm.has_value()) return pitched(images);
    checkNorm(*norm, images.size(1));
    return dense(images);
  };
  const at::Tensor one = checked(left, leftNorm);
  Optional other;
  if (right.has_value()) {
    other = checked(right->to(one.scalar_type()), rightNorm);
    TORCH_CHECK(other->sizes() == one.sizes(), "expected images of one shape, got ", one.sizes(), " and ",
                other->sizes());
  }
  if (at::GradMode::is_enabled()) return Combine::apply(one, leftNorm, other, rightNorm);
  const auto given = [](const Optional& tensor) { return tensor.value_or(at::Tensor()); };
  return sumOf(one, given(leftNorm), given(other), given(rightNorm));
}

at::Tensor inDepth(at::TensorList parts) {
  std::vector<Slice> slices;
  std::vector<int64_t> shape = parts[0].sizes().vec();
  shape[1] = 0;
  for (const at::Tensor& part : parts) {
    slices.push_back({roomOf(part), pitchOf(part), part.size(1)});
    shape[1] += part.size(1);
  }
  at::Tensor whole = emptyImages(parts[0], shape);
  concatenate(pixelsOf(whole), slices, roomOf(whole));
  return whole;
}

struct Concat : torch::autograd::Function<Concat> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, at::TensorList parts) {
    std::vector<int64_t> channels;
    for (const at::Tensor& part : parts) channels.push_back(part.size(1));
    context->saved_data["channels"] = channels;
    return inDepth(parts);
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
      slices.push_back({roomOf(found.back()), each, each});
    }
    split(pixelsOf(whole), roomOf(whole), slices);
    return found;
  }
};

at::Tensor composedConcat(at::TensorList parts) { return at::cat(parts, 1); }

at::Tensor concat(at::TensorList parts) {
  bool ours = !parts.empty();
  for (const at::Tensor& part : parts) {
    ours = ours && isStored(part) && part.scalar_type() == parts[0].scalar_type() && part.dim() == 4 &&
           part.numel() > 0 && pitchOf(part) > 0 && part.size(0) == parts[0].size(0) &&
           part.size(2) == parts[0].size(2) && part.size(3) == parts[0].size(3);
  }
  if (!ours) return composedConcat(parts);
  return at::GradMode::is_enabled() ? Concat::apply(parts) : inDepth(parts);
}

}  // namespace

variable_list FanOut::forward(torch::autograd::AutogradContext* context, const at::Tensor& images, int64_t count) {
  context->set_materialize_grads(false);
  context->saved_data["sum"] = c10::IValue::make_capsule(c10::make_intrusive<GradientSum>());
  const at::AutoDispatchBelowADInplaceOrView unseen;  // not as views, which autograd would track
  variable_list found;
  for (int64_t index = 0; index < count; ++index) found.push_back(images.alias());
  return found;
}

variable_list FanOut::backward(torch::autograd::AutogradContext* context, variable_list outer) {
  at::Tensor& shared = static_cast<GradientSum*>(context->saved_data["sum"].toCapsule().get())->sum;
  at::Tensor sum = std::exchange(shared, at::Tensor());
  if (sum.defined()) outer.insert(outer.begin(), sum);
  outer.erase(std::remove_if(outer.begin(), outer.end(), [](const at::Tensor& each) { return !each.defined(); }),
              outer.end());
  const bool ours = !at::GradMode::is_enabled() && std::all_of(outer.begin(), outer.end(), [&](const at::Tensor& each) {
    return isStored(each) && each.scalar_type() == outer[0].scalar_type() && each.dim() == 4 && each.numel() > 0;
  });
  if (ours && outer.size() > 1) {
    std::vector<Slice> slices;
    for (at::Tensor& each : outer) {
      each = pitched(each);
      slices.push_back({roomOf(each), pitchOf(each), each.size(1)});
    }
    if (!sum.defined()) sum = emptyImages(outer[0], outer[0].sizes());
    sumAll(pixelsOf(sum), slices, roomOf(sum));
    return {sum, at::Tensor()};
  }
  at::Tensor total;
  for (const at::Tensor& each : outer) total = total.defined() ? total + each : each;
  return {total, at::Tensor()};
}

namespace {

std::vector<at::Tensor> fanOut(const at::Tensor& images, int64_t count) { return FanOut::apply(images, count); }

std::vector<at::Tensor> composedFanOut(const at::Tensor& images, int64_t count) {
  return std::vector<at::Tensor>(static_cast<size_t>(count), images);
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(nasnet, library) {
  library.def("combine(Tensor left, Tensor? left_norm, Tensor? right, Tensor? right_norm) -> Tensor");
  library.def("concat(Tensor[] images) -> Tensor");
  library.def("fan_out(Tensor images, int count) -> Tensor[]");
}
TORCH_LIBRARY_IMPL(nasnet, CompositeImplicitAutograd, library) {
  library.impl("combine", composedSum);
  library.impl("concat", composedConcat);
  library.impl("fan_out", composedFanOut);
}
TORCH_LIBRARY_IMPL(nasnet, AutogradCPU, library) {
  library.impl("combine", combined);
  library.impl("concat", concat);
  library.impl("fan_out", fanOut);
}

}  // namespace nasnet::kernels
