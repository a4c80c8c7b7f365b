// An operator's schema, read once: which C++ type each argument needs and what its results are.
// How JavaScript values become these types is in arguments.h.
#pragma once

#include <ATen/core/dispatch/Dispatcher.h>

#include <cstdint>
#include <string>
#include <vector>

namespace nasnet {

enum class Kind : int32_t {
  other = 0,  // no JavaScript value stands for it: only its default or none can be used
  tensor,
  tensorList,
  optionalTensorList,
  generator,
  integer,
  number,
  boolean,
  scalar,
  text,
  dtype,
  layout,
  memoryFormat,
  device,
  integerList,
  numberList,
  booleanList,
  scalarList,
};

struct Argument {
  std::string name;
  Kind kind = Kind::other;
  bool optional = false;  // `Tensor?`, `int?`, …
  int32_t length = 0;     // of `int[2]`: a single number stands for that many
  bool hasDefault = false;
  c10::IValue defaultValue;
};

struct Result {
  Kind kind = Kind::other;
  int32_t writes = -1;  // index of the argument that this result is, for in-place and out= operators
};

struct Operator {
  c10::OperatorHandle handle;
  std::string name;  // 'aten::add.Tensor'
  std::vector<Argument> arguments;
  std::vector<Result> results;
};

/** Looks the operator up; throws std::invalid_argument when this libtorch has none of that name and overload. */
Operator readOperator(const std::string& name, const std::string& overload);

}  // namespace nasnet
