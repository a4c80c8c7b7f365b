// Conversions by schema type; see arguments.h.
#include "arguments.h"

#include <ATen/core/jit_type.h>

#include <cmath>
#include <optional>
#include <stdexcept>
#include <type_traits>

#include "guard.h"
#include "names.h"

namespace nasnet {

namespace {

constexpr double exactIntegers = 9007199254740992.0;  // 2^53

[[noreturn]] void wrong(const Argument& argument, const std::string& expected) {
  throw std::invalid_argument(argument.name + ": expected " + expected);
}

bool isWhole(double value) {
  return value == std::floor(value) && std::abs(value) <= exactIntegers && !(value == 0 && std::signbit(value));
}

/** A whole JavaScript number is an integer scalar, so that integer tensors stay integer under `add(2)`. */
template <typename Make>
bool readNumber(napi_env env, napi_value value, Make make) {
  double number = 0;
  if (napi_get_value_double(env, value, &number) == napi_ok) {
    if (isWhole(number)) make(static_cast<int64_t>(number));
    else make(number);
    return true;
  }
  int64_t large = 0;
  bool lossless = false;
  if (napi_get_value_bigint_int64(env, value, &large, &lossless) == napi_ok && lossless) {
    make(large);
    return true;
  }
  return false;
}

int64_t readInteger(napi_env env, napi_value value, const Argument& argument) {
  int64_t result = 0;
  const bool read = readNumber(env, value, [&](auto number) {
    if constexpr (std::is_same_v<decltype(number), int64_t>) result = number;
    else if (number == 0) result = 0;
    else wrong(argument, "a whole number, got " + std::to_string(number));
  });
  if (!read) wrong(argument, "a whole number");
  return result;
}

double readDouble(napi_env env, napi_value value, const Argument& argument) {
  double result = 0;
  if (napi_get_value_double(env, value, &result) != napi_ok) wrong(argument, "a number");
  return result;
}

bool readBoolean(napi_env env, napi_value value, const Argument& argument) {
  bool result = false;
  if (napi_get_value_bool(env, value, &result) != napi_ok) wrong(argument, "true or false");
  return result;
}

c10::IValue readScalar(napi_env env, napi_value value, const Argument& argument) {
  std::optional<c10::IValue> result;  // g++ 14 warns about assigning to an empty IValue
  if (readNumber(env, value, [&](auto number) { result.emplace(number); })) return *std::move(result);
  bool truth = false;
  if (napi_get_value_bool(env, value, &truth) != napi_ok) wrong(argument, "a number");
  return truth;
}

template <typename Element, typename Read>
c10::IValue readList(napi_env env, napi_value value, const Argument& argument, Read read) {
  c10::List<Element> list;
  bool isArray = false;
  check(env, napi_is_array(env, value, &isArray));
  if (!isArray) {
    if (argument.length == 0) wrong(argument, "an array");
    for (int32_t index = 0; index < argument.length; ++index) list.push_back(read(value));
    return list;
  }
  uint32_t length = 0;
  check(env, napi_get_array_length(env, value, &length));
  list.reserve(length);
  for (uint32_t index = 0; index < length; ++index) {
    napi_value element;
    check(env, napi_get_element(env, value, index, &element));
    list.push_back(read(element));
  }
  return list;
}

c10::IValue readScalars(napi_env env, napi_value value, const Argument& argument) {
  c10::List<at::Scalar> list;
  uint32_t length = 0;
  if (napi_get_array_length(env, value, &length) != napi_ok) wrong(argument, "an array of numbers");
  for (uint32_t index = 0; index < length; ++index) {
    napi_value element;
    check(env, napi_get_element(env, value, index, &element));
    list.push_back(readScalar(env, element, argument).toScalar());
  }
  return list;
}

c10::IValue readOptionalTensors(Call& call, napi_value value) {
  c10::impl::GenericList list(c10::OptionalType::create(c10::TensorType::get()));
  for (const int32_t handle : readHandles(call.env, value)) {
    list.push_back(handle == 0 ? c10::IValue() : c10::IValue(call.environment.tensors.at(handle)));
  }
  return list;
}

bool isAbsent(napi_env env, napi_value value) {
  napi_valuetype type = napi_undefined;
  check(env, napi_typeof(env, value, &type));
  return type == napi_undefined || type == napi_null;
}

c10::IValue readGiven(Call& call, napi_value value, const Argument& argument) {
  napi_env env = call.env;
  switch (argument.kind) {
    case Kind::tensor: return call.environment.tensors.at(readInteger(env, value, argument));
    case Kind::tensorList: return readTensors(call, value);
    case Kind::optionalTensorList: return readOptionalTensors(call, value);
    case Kind::generator: {
      const int64_t index = readInteger(env, value, argument);
      const auto& generators = call.environment.generators;
      if (index < 1 || index >= static_cast<int64_t>(generators.size()) || !generators[index].defined()) {
        wrong(argument, "a generator of this thread");
      }
      return generators[index];
    }
    case Kind::integer: return readInteger(env, value, argument);
    case Kind::number: return readDouble(env, value, argument);
    case Kind::boolean: return readBoolean(env, value, argument);
    case Kind::scalar: return readScalar(env, value, argument);
    case Kind::text: return readText(env, value);
    case Kind::dtype: return static_cast<int64_t>(dtypeOf(readText(env, value)));
    case Kind::layout: return static_cast<int64_t>(layoutOf(readText(env, value)));
    case Kind::memoryFormat: return static_cast<int64_t>(memoryFormatOf(readText(env, value)));
    case Kind::device: return c10::Device(readText(env, value));
    case Kind::integerList:
      return readList<int64_t>(env, value, argument, [&](napi_value each) { return readInteger(env, each, argument); });
    case Kind::numberList:
      return readList<double>(env, value, argument, [&](napi_value each) { return readDouble(env, each, argument); });
    case Kind::booleanList:
      return readList<bool>(env, value, argument, [&](napi_value each) { return readBoolean(env, each, argument); });
    case Kind::scalarList: return readScalars(env, value, argument);
    case Kind::other: break;
  }
  wrong(argument, "nothing: no JavaScript value stands for its type");
}

std::string describeList(const std::vector<at::Tensor>& tensors) {
  std::string text;
  size_t shown = 0;
  for (const at::Tensor& each : tensors) {
    if (++shown > 4) return "(" + text + ", …)";
    text += (shown > 1 ? ", " : "") + (each.defined() ? describe(each) : "none");
  }
  return "(" + text + ")";
}

std::string describeValue(const Call& call, napi_value value, Kind kind) {
  napi_valuetype type = napi_undefined;
  check(call.env, napi_typeof(call.env, value, &type));
  if (type == napi_undefined || type == napi_null) return "none";
  if (kind == Kind::tensor && type == napi_number) {
    double handle = 0;
    check(call.env, napi_get_value_double(call.env, value, &handle));
    return describe(call.environment.tensors.at(static_cast<int64_t>(handle)));
  }
  if (kind == Kind::tensorList && type == napi_number) return describeList(readTensors(call, value).vec());
  if (kind == Kind::tensorList || kind == Kind::optionalTensorList) {
    std::vector<at::Tensor> tensors;
    for (const int32_t handle : readHandles(call.env, value))
      tensors.push_back(handle == 0 ? at::Tensor() : call.environment.tensors.at(handle));
    return describeList(tensors);
  }
  bool isArray = false;
  check(call.env, napi_is_array(call.env, value, &isArray));
  if (type == napi_object && !isArray) return "an object";
  napi_value text;
  check(call.env, napi_coerce_to_string(call.env, value, &text));
  const std::string plain = readText(call.env, text);
  return type == napi_object ? "[" + plain + "]" : type == napi_string ? "'" + plain + "'" : plain;
}

}  // namespace

std::string readText(napi_env env, napi_value value) {
  size_t length = 0;
  if (napi_get_value_string_utf8(env, value, nullptr, 0, &length) != napi_ok) {
    throw std::invalid_argument("expected a string");
  }
  std::string text(length, '\0');
  check(env, napi_get_value_string_utf8(env, value, text.data(), length + 1, &length));
  return text;
}

std::vector<int32_t> readHandles(napi_env env, napi_value value) {
  napi_typedarray_type type = napi_int8_array;
  size_t length = 0;
  void* data = nullptr;
  if (napi_get_typedarray_info(env, value, &type, &length, &data, nullptr, nullptr) != napi_ok ||
      type != napi_int32_array) {
    throw std::invalid_argument("expected an Int32Array of tensor handles");
  }
  const auto* first = static_cast<const int32_t*>(data);
  return length == 0 ? std::vector<int32_t>() : std::vector<int32_t>(first, first + length);
}

c10::List<at::Tensor> readTensors(const Call& call, napi_value value) {
  double number = 0;
  if (napi_get_value_double(call.env, value, &number) == napi_ok)
    return *call.environment.lists.at(static_cast<int64_t>(number));
  c10::List<at::Tensor> list;
  const std::vector<int32_t> handles = readHandles(call.env, value);
  list.reserve(handles.size());
  for (const int32_t handle : handles) list.push_back(call.environment.tensors.at(handle));
  return list;
}

c10::IValue readArgument(Call& call, napi_value value, const Argument& argument) {
  // Most arguments are numbers, so absence is checked only where it is allowed.
  if ((argument.optional || argument.hasDefault) && isAbsent(call.env, value)) {
    return argument.hasDefault ? argument.defaultValue : c10::IValue();
  }
  return readGiven(call, value, argument);
}

napi_value makeResult(Call& call, c10::IValue&& value, const Result& result) {
  if (result.writes >= 0) return call.undefined();
  if (value.isTensor()) return call.handle(std::move(value).toTensor());
  if (value.isTensorList()) {
    std::vector<int32_t> handles;
    for (at::Tensor& tensor : value.toTensorVector())
      handles.push_back(call.environment.tensors.add(std::move(tensor)));
    return call.make(handles);
  }
  if (value.isInt()) return call.make(static_cast<double>(value.toInt()));
  if (value.isDouble()) return call.make(value.toDouble());
  if (value.isBool()) return call.make(value.toBool());
  if (value.isString()) return call.make(value.toStringRef());
  if (value.isIntList()) return call.makeArray(value.toIntVector());
  if (value.isNone()) return call.undefined();
  throw std::runtime_error("its result is of a type that JavaScript cannot hold: " + value.tagKind());
}

std::string describeCall(const Call& call) {
  std::string text = call.running->name + "(";
  for (size_t index = 1; index < call.count && index <= call.running->arguments.size(); ++index) {
    std::string value;
    try {
      value = describeValue(call, call.values[index], call.running->arguments[index - 1].kind);
    } catch (const PendingException&) {  // a value that cannot become text, such as a symbol
      napi_value ignored;
      napi_get_and_clear_last_exception(call.env, &ignored);
      value = "?";
    } catch (const std::exception&) {
      value = "?";
    }
    text += (index > 1 ? ", " : "") + value;
  }
  return text + ")";
}

}  // namespace nasnet
