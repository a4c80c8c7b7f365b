// nasnet::count_correct and add_figures: a training step's figures, each in one call on the CPU. Other tensors go to
// libtorch's operators.
#include <ATen/ATen.h>
#include <torch/library.h>

#include <cmath>

#include "operands.h"

namespace nasnet::kernels {

namespace {

/** Returns the place of the largest number, the first of equal ones; that of the first NaN if there is one. */
int64_t largest(const float* numbers, int64_t count) {
  int64_t found = 0;
  for (int64_t index = 1; index < count; ++index) {
    if (std::isnan(numbers[found])) break;
    if (std::isnan(numbers[index]) || numbers[index] > numbers[found]) found = index;
  }
  return found;
}

/** Returns how many rows of logits [n, classes] are largest at their label [n]: int64 []. */
at::Tensor countCorrect(const at::Tensor& logits, const at::Tensor& labels) {
  const bool ours = isFloats(logits) && logits.dim() == 2 && logits.is_contiguous() && logits.size(1) > 0 &&
                    isOurs(labels, at::kLong) && labels.dim() == 1 && labels.is_contiguous() &&
                    labels.size(0) == logits.size(0);
  if (!ours) return logits.argmax(1).eq(labels).sum();
  const int64_t classes = logits.size(1);
  const auto* wanted = static_cast<const int64_t*>(labels.data_ptr());
  int64_t correct = 0;
  for (int64_t row = 0; row < logits.size(0); ++row)
    correct += largest(floatsOf(logits) + row * classes, classes) == wanted[row];
  at::Tensor result = at::detail::empty_cpu({}, at::kLong);
  *static_cast<int64_t*>(result.data_ptr()) = correct;
  return result;
}

void addFiguresAnywhere(at::Tensor& sums, const at::Tensor& loss, at::TensorList rights) {
  at::Tensor losses = sums.select(0, 0), correct = sums.select(0, 1);
  losses.add_(loss);
  for (const at::Tensor& each : rights) correct.add_(each);
  sums.select(0, 2).add_(losses.isfinite());
}

/** sums [3]: of losses, of correct predictions, and of the steps after which the sum of losses was finite. */
void addFigures(at::Tensor& sums, const at::Tensor& loss, at::TensorList rights) {
  const auto isNumber = [](const at::Tensor& tensor, at::ScalarType dtype) {
    return isOurs(tensor, dtype) && tensor.dim() == 0;
  };
  bool ours = isOurs(sums, at::kDouble) && sums.is_contiguous() && sums.numel() == 3 && isNumber(loss, at::kFloat);
  for (const at::Tensor& each : rights) ours = ours && isNumber(each, at::kLong);
  if (!ours) return addFiguresAnywhere(sums, loss, rights);
  auto* const to = static_cast<double*>(sums.data_ptr());
  to[0] += *floatsOf(loss);
  for (const at::Tensor& each : rights) to[1] += static_cast<double>(*static_cast<const int64_t*>(each.data_ptr()));
  to[2] += std::isfinite(to[0]) ? 1 : 0;
  sums.unsafeGetTensorImpl()->bump_version();
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(nasnet, library) {
  library.def("count_correct(Tensor logits, Tensor labels) -> Tensor");
  library.def("add_figures(Tensor(a!) sums, Tensor loss, Tensor[] rights) -> ()");
}
TORCH_LIBRARY_IMPL(nasnet, CompositeImplicitAutograd, library) {
  library.impl("count_correct", countCorrect);
  library.impl("add_figures", addFigures);
}

}  // namespace nasnet::kernels
