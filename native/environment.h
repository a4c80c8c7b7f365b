// The state of one JavaScript environment (the main thread or a worker thread): live tensors, operators in use, random
// generators. JavaScript only has small integers as indices of these tables, so no value that it passes can crash the
// process.
#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/List.h>
#include <ATen/core/Tensor.h>
#include <node_api.h>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <memory>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

#include "schema.h"

namespace nasnet {

namespace inference {
class Program;
}
namespace steps {
class Observation;
class Program;
}  // namespace steps

/** Live tensors by handle. Handle 0 means "no tensor" or a disposed one. */
class TensorTable {
 public:
  /** Returns a new handle for a tensor; 0 for an undefined one. */
  int32_t add(at::Tensor tensor);

  /** Returns the tensor of a handle; throws std::invalid_argument if it is not live. */
  at::Tensor& at(int64_t handle);

  /** Drops the handle's reference. Returns the bytes that were reported to V8. */
  int64_t release(int64_t handle);

  /** Records that garbage collection will free this handle. Returns the bytes to report to V8. */
  int64_t leaveToCollector(int64_t handle);

  int64_t live() const { return live_; }

 private:
  struct Slot {
    at::Tensor tensor;
    int64_t reportedBytes = 0;
  };
  std::vector<Slot> slots_{1};
  std::vector<int32_t> free_;
  int64_t live_ = 0;
};

/** Objects that JavaScript knows by a number, which is free again once the object is reset. */
template <typename Object>
class Numbered {
 public:
  /** name: what messages call an object */
  explicit Numbered(const char* name) : name_(name) {}

  int32_t add(std::shared_ptr<Object> object) {
    const auto place = std::find(objects_.begin(), objects_.end(), nullptr);
    const auto number = static_cast<int32_t>(place - objects_.begin());
    if (place == objects_.end()) objects_.push_back(std::move(object));
    else *place = std::move(object);
    return number;
  }

  /** Throws std::invalid_argument if no object has the number. */
  std::shared_ptr<Object>& at(int64_t number) {
    if (number < 0 || number >= static_cast<int64_t>(objects_.size()) || !objects_[number])
      throw std::invalid_argument(std::string("no ") + name_ + " has the number " + std::to_string(number));
    return objects_[number];
  }

 private:
  const char* const name_;
  std::vector<std::shared_ptr<Object>> objects_;
};

struct Environment {
  TensorTable tensors;
  std::deque<Operator> operators;  // a deque, since a running call points to its operator while others are added
  std::unordered_map<std::string, int32_t> operatorIds;
  std::vector<at::Generator> generators;  // index 0 is unused
  std::vector<c10::IValue> stack;         // used by one call at a time for its arguments and results
  Numbered<inference::Program> programs{"program"};
  Numbered<steps::Program> steps{"step"};
  Numbered<c10::List<at::Tensor>> lists{"list"};
  std::shared_ptr<steps::Observation> observation;  // while the operators of a step are observed
  int64_t unreportedBytes = 0;

  /** Reports native memory to V8's garbage collector, in steps of some megabytes. */
  void report(napi_env env, int64_t bytes);
};

Environment& environmentOf(napi_env env);

}  // namespace nasnet
