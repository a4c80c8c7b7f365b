// Operators that combine images. nasnet::combine: the sum of one or two, each a normal tensor or the raw result of
// nasnet::unit, which is normalised on load. nasnet::concat: concatenation of channels; its gradients are separate
// images, not slices of a wide one. nasnet::fan_out: the opposite of a sum.
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <algorithm>
#include <array>
#include <utility>

#include "combine.h"
#include "fan-out.h"
#include "images.h"
#include "step-node.h"

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

struct Side {
  at::Tensor raw, norm;
};

/**
 * Returns the gradients of the norms of raw sides, undefined for the others.
 * gradient: of the sum
 */
std::array<at::Tensor, 2> normGradients(const at::Tensor& gradient, const std::array<Side, 2>& sides) {
  std::array<at::Tensor, 2> found;
  std::vector<OperandSums> wanted;
  for (const int side : {0, 1}) {
    const auto& [raw, norm] = sides[side];
    if (!norm.defined()) continue;
    found[side] = emptyFloats({4, norm.size(1)});
    wanted.push_back({{storedIn(raw), norm.size(1), floatsOf(norm)}, floatsOf(found[side])});
  }
  if (!wanted.empty())
    combineSums(pixelsOf(gradient), storedIn(gradient), pitchOf(gradient), wanted.data(), wanted.size());
  return found;
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
    const auto [toLeftNorm, toRightNorm] = normGradients(gradient, {Side{saved[0], saved[1]}, {saved[2], saved[3]}});
    const bool hasRight = context->saved_data["right"].toBool();
    return {gradient, toLeftNorm, hasRight ? gradient : at::Tensor(), toRightNorm};
  }
};

struct CombineNode : StepNode {
  explicit CombineNode(const ObservedCall& call) : arguments(call.values), result(call.results[0]) {}

  void forward(StepValues& values) override {
    const auto& given = [&](size_t index) -> const at::Tensor& { return values.at(arguments[index]); };
    values.set(result, sumOf(given(0), given(1), given(2), given(3)));
    for (const size_t side : {0, 1})
      if (arguments[2 * side + 1] != none) sides[side] = {given(2 * side), given(2 * side + 1)};
  }

  void backward(StepValues& values) override {
    at::Tensor outer = values.takeGradient(result);
    if (!outer.defined()) return;
    outer = pitched(outer);
    const auto toNorms = normGradients(outer, sides);
    for (const size_t side : {0, 1}) {
      values.addGradient(arguments[2 * side], outer);
      values.addGradient(arguments[2 * side + 1], toNorms[side]);
    }
  }

  void release() override { sides = {}; }

  const std::vector<Value> arguments;
  const Value result;
  std::array<Side, 2> sides;
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

/** Returns the parts of a whole image with so many channels each. */
variable_list apart(const at::Tensor& outer, const std::vector<int64_t>& channels) {
  const at::Tensor whole = dense(outer);
  variable_list found;
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

struct Concat : torch::autograd::Function<Concat> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, at::TensorList parts) {
    std::vector<int64_t> channels;
    for (const at::Tensor& part : parts) channels.push_back(part.size(1));
    context->saved_data["channels"] = channels;
    return inDepth(parts);
  }

  static variable_list backward(torch::autograd::AutogradContext* context, variable_list outer) {
    const std::vector<int64_t> channels = context->saved_data["channels"].toIntVector();
    return at::GradMode::is_enabled() ? outer[0].split_with_sizes(channels, 1) : apart(outer[0], channels);
  }
};

struct ConcatNode : StepNode {
  explicit ConcatNode(const ObservedCall& call) : parts(call.listed), result(call.results[0]) {
    for (const at::Tensor& part : call.arguments[0].toTensorVector()) channels.push_back(part.size(1));
  }

  void forward(StepValues& values) override {
    std::vector<at::Tensor> images;
    for (const Value part : parts) images.push_back(values.at(part));
    values.set(result, inDepth(images));
  }

  void backward(StepValues& values) override {
    const at::Tensor outer = values.takeGradient(result);
    if (!outer.defined()) return;
    const variable_list found = apart(outer, channels);
    for (size_t index = 0; index < parts.size(); ++index) values.addGradient(parts[index], found[index]);
  }

  const std::vector<Value> parts;
  const Value result;
  std::vector<int64_t> channels;
};

at::Tensor composedConcat(at::TensorList parts) { return at::cat(parts, 1); }

bool areOurs(at::TensorList parts) {
  bool ours = !parts.empty();
  for (const at::Tensor& part : parts) {
    ours = ours && isStored(part) && part.scalar_type() == parts[0].scalar_type() && part.dim() == 4 &&
           part.numel() > 0 && pitchOf(part) > 0 && part.size(0) == parts[0].size(0) &&
           part.size(2) == parts[0].size(2) && part.size(3) == parts[0].size(3);
  }
  return ours;
}

at::Tensor concat(at::TensorList parts) {
  if (!areOurs(parts)) return composedConcat(parts);
  return at::GradMode::is_enabled() ? Concat::apply(parts) : inDepth(parts);
}

at::Tensor sumOfGradients(at::Tensor sum, variable_list outer);

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
  return {sumOfGradients(std::exchange(shared, at::Tensor()), std::move(outer)), at::Tensor()};
}

namespace {

/** Adds the gradients of readers, where there are any, to the sum of those that were added already. */
at::Tensor sumOfGradients(at::Tensor sum, variable_list outer) {
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
    return sum;
  }
  at::Tensor total;
  for (const at::Tensor& each : outer) total = total.defined() ? total + each : each;
  return total;
}

struct FanOutNode : StepNode {
  explicit FanOutNode(const ObservedCall& call) : images(call.values[0]), views(call.results) {}

  void forward(StepValues& values) override {
    for (const Value view : views) values.set(view, values.at(images));
  }

  void backward(StepValues& values) override {
    variable_list outer;
    for (const Value view : views) outer.push_back(values.takeGradient(view));
    at::Tensor* const shared = values.sharedSum(views[0]);
    at::Tensor sum = shared == nullptr ? at::Tensor() : std::exchange(*shared, at::Tensor());
    values.addGradient(images, sumOfGradients(std::move(sum), std::move(outer)));
  }

  const Value images;
  const std::vector<Value> views;
};

std::vector<at::Tensor> fanOut(const at::Tensor& images, int64_t count) { return FanOut::apply(images, count); }

std::vector<at::Tensor> composedFanOut(const at::Tensor& images, int64_t count) {
  return std::vector<at::Tensor>(static_cast<size_t>(count), images);
}

}  // namespace

std::unique_ptr<StepNode> combineNode(const ObservedCall& call) {
  const auto isReadInPlace = [&](size_t index) {
    if (!call.isGiven(index)) return true;
    const at::Tensor images = call.tensor(index);
    if (call.isConstant(index) || !isStored(images) || images.dim() != 4) return false;
    return call.isGiven(index + 1) ? pitchOf(images) == images.size(1) : pitchOf(images) > 0;
  };
  const bool isOneType = !call.isGiven(2) || call.tensor(2).scalar_type() == call.tensor(0).scalar_type();
  return isReadInPlace(0) && isReadInPlace(2) && isOneType ? std::make_unique<CombineNode>(call) : nullptr;
}

std::unique_ptr<StepNode> concatNode(const ObservedCall& call) {
  const bool known = std::find(call.listed.begin(), call.listed.end(), none) == call.listed.end();
  return known && areOurs(call.arguments[0].toTensorVector()) ? std::make_unique<ConcatNode>(call) : nullptr;
}

std::unique_ptr<StepNode> fanOutNode(const ObservedCall& call) {
  return call.isConstant(0) ? nullptr : std::make_unique<FanOutNode>(call);
}

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
