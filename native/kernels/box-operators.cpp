// nasnet::box_iou and nasnet::nms on boxes x1, y1, x2, y2. They have no gradients. Boxes on a GPU are compared by
// libtorch's operators, and suppressed on the host.
#include <ATen/ATen.h>
#include <torch/library.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "operands.h"
#include "over-images.h"

namespace nasnet::kernels {

namespace {

void checkBoxes(const at::Tensor& boxes) {
  TORCH_CHECK(boxes.dim() == 2 && boxes.size(1) == 4 && boxes.is_floating_point(), "expected boxes [n, 4] of floats");
}

template <typename Number>
Number areaOf(const Number* box) {
  return std::max(box[2] - box[0], Number(0)) * std::max(box[3] - box[1], Number(0));
}

/** Intersection over union; 0 for two boxes without area. */
template <typename Number>
Number overlap(const Number* one, Number area, const Number* other, Number otherArea) {
  const Number width = std::min(one[2], other[2]) - std::max(one[0], other[0]);
  const Number height = std::min(one[3], other[3]) - std::max(one[1], other[1]);
  if (!(width > 0) || !(height > 0)) return 0;
  const Number common = width * height;
  return common / (area + otherArea - common);
}

template <typename Number>
void overlaps(const at::Tensor& left, const at::Tensor& right, at::Tensor& result) {
  const Number *const ones = left.data_ptr<Number>(), *const others = right.data_ptr<Number>();
  Number* const found = result.data_ptr<Number>();
  const int64_t count = right.size(0);
  std::vector<Number> areas;
  for (int64_t index = 0; index < count; ++index) areas.push_back(areaOf(others + 4 * index));
  overImages(left.size(0), [&](int64_t, int64_t begin, int64_t end) {
    for (int64_t index = begin; index < end; ++index) {
      const Number area = areaOf(ones + 4 * index);
      for (int64_t other = 0; other < count; ++other)
        found[index * count + other] = overlap(ones + 4 * index, area, others + 4 * other, areas[other]);
    }
  });
}

at::Tensor boxIou(const at::Tensor& left, const at::Tensor& right) {
  checkBoxes(left);
  checkBoxes(right);
  const at::ScalarType dtype = left.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  const at::Tensor ones = left.detach().to(dtype).contiguous(), others = right.detach().to(dtype).contiguous();
  at::Tensor result = at::empty({left.size(0), right.size(0)}, ones.options());
  if (dtype == at::kDouble) overlaps<double>(ones, others, result);
  else overlaps<float>(ones, others, result);
  return result;
}

at::Tensor composedIou(const at::Tensor& left, const at::Tensor& right) {
  checkBoxes(left);
  checkBoxes(right);
  const auto side = [](const at::Tensor& boxes, int64_t axis) {
    return (boxes.select(1, axis + 2) - boxes.select(1, axis)).clamp_min(0);
  };
  const auto common = [&](int64_t axis) {
    const at::Tensor low = at::maximum(left.select(1, axis).unsqueeze(1), right.select(1, axis).unsqueeze(0));
    const at::Tensor high = at::minimum(left.select(1, axis + 2).unsqueeze(1), right.select(1, axis + 2).unsqueeze(0));
    return (high - low).clamp_min(0);
  };
  const at::Tensor both = common(0) * common(1);
  const at::Tensor all =
      (side(left, 0) * side(left, 1)).unsqueeze(1) + (side(right, 0) * side(right, 1)).unsqueeze(0) - both;
  return at::where(both > 0, both / all, at::zeros_like(both));
}

/** The boxes that are left, by falling score; equal scores in the order of the boxes. */
std::vector<int64_t> suppress(const double* boxes, const float* scores, const int64_t* classes, int64_t count,
                              double threshold, int64_t limit, int64_t perClass) {
  std::vector<int64_t> order;
  for (int64_t index = 0; index < count; ++index) {
    if (!std::isnan(scores[index])) order.push_back(index);
  }
  std::stable_sort(order.begin(), order.end(), [&](int64_t one, int64_t other) { return scores[one] > scores[other]; });
  struct Kept {
    const double* box;
    double area;
  };
  std::vector<std::vector<Kept>> keptOf(1);  // by class
  std::vector<int64_t> kept;
  for (const int64_t index : order) {
    if (static_cast<int64_t>(kept.size()) == limit) break;
    const size_t own = classes == nullptr ? 0 : static_cast<size_t>(classes[index]);
    if (own >= keptOf.size()) keptOf.resize(own + 1);
    std::vector<Kept>& rivals = keptOf[own];
    if (static_cast<int64_t>(rivals.size()) == perClass) continue;
    const double* const box = boxes + 4 * index;
    const double area = areaOf(box);
    const bool isCovered = std::any_of(rivals.begin(), rivals.end(), [&](const Kept& rival) {
      return overlap(box, area, rival.box, rival.area) > threshold;
    });
    if (isCovered) continue;
    rivals.push_back({box, area});
    kept.push_back(index);
  }
  return kept;
}

at::Tensor nms(const at::Tensor& boxes, const at::Tensor& scores, const c10::optional<at::Tensor>& classes,
               double threshold, int64_t limit, int64_t perClass) {
  checkBoxes(boxes);
  const int64_t count = boxes.size(0);
  TORCH_CHECK(scores.dim() == 1 && scores.size(0) == count, "expected scores [", count, "]");
  const at::Tensor corners = boxes.detach().to(at::kCPU, at::kDouble).contiguous();
  const at::Tensor values = scores.detach().to(at::kCPU, at::kFloat).contiguous();
  at::Tensor numbers;
  if (classes.has_value()) {
    TORCH_CHECK(classes->dim() == 1 && classes->size(0) == count, "expected classes [", count, "]");
    numbers = classes->to(at::kCPU, at::kLong).contiguous();
    TORCH_CHECK(count == 0 || numbers.min().item<int64_t>() >= 0, "expected classes of at least 0");
  }
  const std::vector<int64_t> kept =
      suppress(corners.data_ptr<double>(), values.data_ptr<float>(),
               numbers.defined() ? numbers.data_ptr<int64_t>() : nullptr, count, threshold, limit, perClass);
  const at::Tensor result = at::empty({static_cast<int64_t>(kept.size())}, at::kLong);
  std::copy(kept.begin(), kept.end(), result.data_ptr<int64_t>());
  return result.to(boxes.device());
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(nasnet, library) {
  library.def("box_iou(Tensor left, Tensor right) -> Tensor");
  // A score that is not a number leaves its box out. limit and per_class: -1 is none.
  library.def("nms(Tensor boxes, Tensor scores, Tensor? classes, float threshold, int limit, int per_class) -> Tensor");
}
TORCH_LIBRARY_IMPL(nasnet, CompositeImplicitAutograd, library) {
  library.impl("box_iou", composedIou);
  library.impl("nms", nms);
}
TORCH_LIBRARY_IMPL(nasnet, AutogradCPU, library) { library.impl("box_iou", boxIou); }

}  // namespace nasnet::kernels
