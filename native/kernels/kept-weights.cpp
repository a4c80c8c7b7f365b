// See kept-weights.h.
#include "kept-weights.h"

#include <mutex>
#include <unordered_map>

namespace nasnet::kernels {

namespace {

/** Recognises a tensor that has not been written to since. */
class Snapshot {
 public:
  explicit Snapshot(const at::Tensor& tensor)
      : tensor_(tensor.defined() ? tensor.getIntrusivePtr()
                                 : c10::intrusive_ptr<at::TensorImpl, at::UndefinedTensorImpl>()),
        version_(tensor.defined() ? tensor._version() : 0), data_(dataOf(tensor)) {}

  bool is(const at::Tensor& tensor) const {
    if (!tensor.defined()) return data_ == nullptr;
    return !tensor_.expired() && tensor_._unsafe_get_target() == tensor.unsafeGetTensorImpl() &&
           tensor._version() == version_ && dataOf(tensor) == data_;
  }
  bool gone() const { return data_ != nullptr && tensor_.expired(); }

 private:
  static const void* dataOf(const at::Tensor& tensor) { return tensor.defined() ? tensor.data_ptr() : nullptr; }

  c10::weak_intrusive_ptr<at::TensorImpl, at::UndefinedTensorImpl> tensor_;
  int64_t version_;
  const void* data_;
};

struct Kept {
  Snapshot depthwise, weight;
  Numbers numbers;
  int64_t taps, together;  // the strides of a dense kernel decide them
  std::shared_ptr<const PackedUnit> packed;
};

std::mutex mutex;

std::unordered_map<const at::TensorImpl*, Kept>& all() {
  static std::unordered_map<const at::TensorImpl*, Kept> weights;
  return weights;
}

}  // namespace

std::shared_ptr<const PackedUnit> packed(const Unit& unit, const at::Tensor& depthwise, const at::Tensor& weight,
                                         const Weight& layout, bool keep) {
  const auto pack = [&] {
    return std::make_shared<const PackedUnit>(unit, depthwise.defined() ? depthwise.data_ptr<float>() : nullptr,
                                              layout);
  };
  if (!keep) return pack();
  const std::lock_guard<std::mutex> lock(mutex);
  auto& weights = all();
  const auto found = weights.find(weight.unsafeGetTensorImpl());
  if (found != weights.end()) {
    const Kept& kept = found->second;
    if (kept.weight.is(weight) && kept.depthwise.is(depthwise) && kept.numbers == unit.numbers &&
        kept.taps == tapsOf(unit) && kept.together == tapsTogether(unit)) {
      return kept.packed;
    }
    weights.erase(found);
  } else {
    for (auto each = weights.begin(); each != weights.end();)
      each = each->second.weight.gone() ? weights.erase(each) : std::next(each);
  }
  return weights
      .emplace(weight.unsafeGetTensorImpl(),
               Kept{Snapshot(depthwise), Snapshot(weight), unit.numbers, tapsOf(unit), tapsTogether(unit), pack()})
      .first->second.packed;
}

void forgetPacked() {
  const std::lock_guard<std::mutex> lock(mutex);
  all().clear();
}

}  // namespace nasnet::kernels
