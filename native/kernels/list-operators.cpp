// nasnet::add_lists, scale_list, blend_lists and list_norm: what an optimizer does to hundreds of small parameters.
// libtorch's foreach operators dispatch each tensor by itself on the CPU, which takes longer than its numbers do. They
// have no gradients. Tensors on a GPU go to those operators. nasnet::clip_gradients and momentum_step do the same to
// the parameters' own gradients, which then need not become tensors of JavaScript, with the same bits.
#include <ATen/ATen.h>
#include <torch/library.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "numbers.h"
#include "operands.h"
#include "over-images.h"

namespace nasnet::kernels {

namespace {

/** Numbers that are next to each other in two tensors; `from` is null for an operator with one list. */
struct Run {
  float* to;
  const float* from;
  int64_t count;
};

constexpr int64_t numbersOfRun = 1 << 14;
/** Fewer numbers than these take less time than to wake the other threads. */
constexpr int64_t worthSharing = 16 * numbersOfRun;

void addRuns(std::vector<Run>& runs, float* to, const float* from, int64_t count) {
  for (int64_t begin = 0; begin < count; begin += numbersOfRun) {
    runs.push_back({to + begin, from == nullptr ? nullptr : from + begin, std::min(numbersOfRun, count - begin)});
  }
}

template <typename Work>
void forRuns(const std::vector<Run>& runs, const Work& work) {
  int64_t numbers = 0;
  for (const Run& run : runs) numbers += run.count;
  const auto some = [&](int64_t, int64_t begin, int64_t end) {
    for (int64_t index = begin; index < end; ++index) work(index, runs[index]);
  };
  const int64_t count = static_cast<int64_t>(runs.size());
  if (numbers < worthSharing) some(0, 0, count);
  else overImages(count, some);
}

bool areOnCpu(at::TensorList tensors) { return tensors.empty() || tensors.front().device().is_cpu(); }

/** Work on the numbers of two lists in parallel; `single` on a pair that differs in type or order. */
template <typename Work, typename Single>
void changeLists(at::TensorList changed, at::TensorList others, const Work& work, const Single& single) {
  checkLists(changed, others);
  std::vector<Run> runs;
  for (size_t index = 0; index < changed.size(); ++index) {
    const at::Tensor &to = changed[index], &from = others[index];
    if (!areAlike(to, from)) {
      single(to, from);
      continue;
    }
    addRuns(runs, floatsOf(to), floatsOf(from), to.numel());
    to.unsafeGetTensorImpl()->bump_version();
  }
  forRuns(runs, [&](int64_t, const Run& run) { work(run.to, run.from, run.count); });
}

void addLists(at::TensorList sums, at::TensorList others, double factor) {
  if (!areOnCpu(sums)) return at::_foreach_add_(sums, others, factor);
  const float times = static_cast<float>(factor);
  changeLists(
      sums, others, [times](float* to, const float* from, int64_t count) { addNumbers(to, from, count, times); },
      [factor](const at::Tensor& to, const at::Tensor& from) { to.add_(from, factor); });
}

void blendLists(at::TensorList averages, at::TensorList values, double share) {
  if (!areOnCpu(averages)) {
    checkLists(averages, values);
    const std::vector<at::Tensor> changes = at::_foreach_sub(values, averages);
    at::_foreach_mul_(changes, share);
    return at::_foreach_add_(averages, changes);
  }
  const float part = static_cast<float>(share);
  changeLists(
      averages, values,
      [part](float* __restrict to, const float* __restrict from, int64_t count) {
        for (int64_t index = 0; index < count; ++index) to[index] += part * (from[index] - to[index]);
      },
      [share](const at::Tensor& to, const at::Tensor& from) { to.add_((from - to).mul_(share)); });
}

void scaleList(at::TensorList tensors, double factor) {
  if (!areOnCpu(tensors)) return at::_foreach_mul_(tensors, factor);
  const float times = static_cast<float>(factor);
  std::vector<Run> runs;
  for (const at::Tensor& tensor : tensors) {
    if (!isDense(tensor)) {
      tensor.mul_(factor);
      continue;
    }
    addRuns(runs, floatsOf(tensor), nullptr, tensor.numel());
    tensor.unsafeGetTensorImpl()->bump_version();
  }
  forRuns(runs, [times](int64_t, const Run& run) { scaleNumbers(run.to, run.count, times); });
}

void scaleListBy(at::TensorList tensors, const at::Tensor& factor) {
  TORCH_CHECK(factor.dim() == 0 && factor.device().is_cpu(), "expected a factor [] on the CPU");
  const double times = factor.item<double>();
  if (times != 1) scaleList(tensors, times);  // often, and then nothing changes
}

at::Tensor listNorm(at::TensorList tensors) {
  TORCH_CHECK(!tensors.empty(), "expected at least one tensor");
  if (!std::all_of(tensors.begin(), tensors.end(), isDense)) return at::stack(at::_foreach_norm(tensors, 2)).norm();
  std::vector<Run> runs;
  for (const at::Tensor& tensor : tensors) addRuns(runs, floatsOf(tensor), nullptr, tensor.numel());
  std::vector<double> sums(runs.size());
  forRuns(runs, [&](int64_t index, const Run& run) { sums[index] = sumOfSquares(run.to, run.count); });
  double whole = 0;
  for (const double sum : sums) whole += sum;
  const double norm = std::sqrt(whole);
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  return at::scalar_tensor(norm > std::numeric_limits<float>::max() ? kInfinity : norm, at::dtype(at::kFloat));
}

/** Returns the factor that makes a norm at most `maximum`: exactly 1 if nothing is clipped; NaN of a NaN. */
double clipFactor(const at::Tensor& norm, double maximum) {
  if (norm.scalar_type() != at::kFloat) return norm.clamp(maximum).div(maximum).reciprocal().item<double>();
  const float most = static_cast<float>(maximum);
  return 1 / (std::max(norm.item<float>(), most) / most);  // in float32, as the tensor's operators would
}

/** Scales the parameters' gradients so that the norm of all is at most `maximum`; returns the norm before. */
at::Tensor clipGradients(at::TensorList parameters, double maximum) {
  std::vector<at::Tensor> gradients;
  gradients.reserve(parameters.size());
  for (const at::Tensor& each : parameters) {
    at::Tensor gradient = each.grad();
    if (gradient.defined()) gradients.push_back(std::move(gradient));
  }
  if (gradients.empty()) return at::zeros({}, at::dtype(at::kFloat));
  at::Tensor norm = listNorm(gradients);
  const double factor = clipFactor(norm, maximum);
  if (factor != 1) scaleList(gradients, factor);
  return norm;
}

/** A step of gradient descent, of parameters that have the same rates. */
struct Descent {
  double rate, momentum;
  bool nesterov;
  double decay;   // times the parameter is added to its gradient
  double shrink;  // multiplies the parameter first

  void operator()(const at::Tensor& parameter, const at::Tensor& gradient, const at::Tensor& velocity) const {
    if (decay != 0) gradient.add_(parameter, decay);
    if (shrink != 1) parameter.mul_(shrink);
    velocity.mul_(momentum).add_(gradient);
    if (nesterov) gradient.add_(velocity, momentum);
    parameter.add_(nesterov ? gradient : velocity, -rate);
  }

  void operator()(float* parameter, float* gradient, float* velocity, int64_t count) const {
    const auto times = [](double factor) { return static_cast<float>(factor); };
    if (decay != 0) addNumbers(gradient, parameter, count, times(decay));
    if (shrink != 1) scaleNumbers(parameter, count, times(shrink));
    scaleNumbers(velocity, count, times(momentum));
    addNumbers(velocity, gradient, count, 1);
    if (nesterov) addNumbers(gradient, velocity, count, times(momentum));
    addNumbers(parameter, nesterov ? gradient : velocity, count, times(-rate));
  }
};

/** Moves each parameter that has a gradient, which it may change. */
void momentumStep(at::TensorList parameters, at::TensorList velocities, double rate, double momentum, bool nesterov,
                  double decay, double shrink) {
  checkLists(parameters, velocities);
  const Descent descent{rate, momentum, nesterov, decay, shrink};
  std::vector<Run> runs;  // from a parameter to its gradient
  std::vector<float*> moving;
  std::vector<at::Tensor> copies;  // of gradients in another layout: the same bits as in the parameter's
  for (size_t index = 0; index < parameters.size(); ++index) {
    const at::Tensor &parameter = parameters[index], &velocity = velocities[index];
    at::Tensor gradient = parameter.grad();
    if (!gradient.defined()) continue;
    if (!areAlike(parameter, velocity)) {
      descent(parameter, gradient, velocity);
      continue;
    }
    if (!areAlike(parameter, gradient)) {
      gradient = at::empty_like(parameter).copy_(gradient);
      copies.push_back(gradient);
    }
    const size_t before = runs.size();
    addRuns(runs, floatsOf(parameter), floatsOf(gradient), parameter.numel());
    for (size_t run = before; run < runs.size(); ++run)
      moving.push_back(floatsOf(velocity) + (runs[run].to - runs[before].to));
    for (const at::Tensor* each : {&parameter, static_cast<const at::Tensor*>(&gradient), &velocity})
      each->unsafeGetTensorImpl()->bump_version();
  }
  forRuns(runs, [&](int64_t index, const Run& run) {
    descent(run.to, const_cast<float*>(run.from), moving[index], run.count);
  });
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(nasnet, library) {
  // sums ← sums + factor · others
  library.def("add_lists(Tensor(a!)[] sums, Tensor[] others, float factor) -> ()");
  // averages ← averages + share · (values − averages)
  library.def("blend_lists(Tensor(a!)[] averages, Tensor[] values, float share) -> ()");
  library.def("scale_list(Tensor(a!)[] tensors, float factor) -> ()");
  library.def("scale_list.Tensor(Tensor(a!)[] tensors, Tensor factor) -> ()");  // on the CPU
  // The Euclidean norm of all numbers of the list, [].
  library.def("list_norm(Tensor[] tensors) -> Tensor");
  // Of parameters on the CPU.
  library.def("clip_gradients(Tensor[] parameters, float maximum) -> Tensor");
  library.def(
      "momentum_step(Tensor(a!)[] parameters, Tensor(b!)[] velocities, float rate, float momentum, bool nesterov, "
      "float decay, float shrink) -> ()");
}
TORCH_LIBRARY_IMPL(nasnet, CompositeImplicitAutograd, library) {
  library.impl("add_lists", addLists);
  library.impl("blend_lists", blendLists);
  library.impl("scale_list", scaleList);
  library.impl("scale_list.Tensor", scaleListBy);
  library.impl("list_norm", listNorm);
  library.impl("clip_gradients", clipGradients);
  library.impl("momentum_step", momentumStep);
}

}  // namespace nasnet::kernels
