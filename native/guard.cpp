// Error texts and argument readers; see guard.h.
#include "guard.h"

#include <c10/util/Exception.h>

#include <cmath>
#include <cstring>
#include <new>
#include <stdexcept>

#include "arguments.h"

namespace nasnet {

namespace {

/** libtorch's first sentence: no C++ stack, no source position in front. */
std::string firstLine(std::string text) {
  const size_t start = text.rfind("[enforce fail at", 0) == 0 ? text.find(". ") : std::string::npos;
  if (start != std::string::npos) text = text.substr(start + 2);
  const size_t end = text.find('\n');
  return end == std::string::npos ? text : text.substr(0, end);
}

bool speaksOfMemory(const std::string& message) {
  for (const char* sign :
       {"can't allocate memory", "not enough memory", "out of memory", "bad_alloc", "OutOfMemory", "ALLOC_FAILED"}) {
    if (message.find(sign) != std::string::npos) return true;
  }
  return false;
}

void throwError(napi_env env, const std::string& message, bool outOfMemory) noexcept {
  napi_value text, error, kind;
  if (napi_create_string_utf8(env, message.c_str(), message.size(), &text) != napi_ok) return;
  if (napi_create_error(env, nullptr, text, &error) != napi_ok) return;
  if (napi_create_string_utf8(env, outOfMemory ? "out-of-memory" : "operator", NAPI_AUTO_LENGTH, &kind) != napi_ok)
    return;
  napi_set_named_property(env, error, "kind", kind);
  napi_throw(env, error);
}

}  // namespace

void rethrow(napi_env env, const Call* call) noexcept {
  std::string message;
  bool outOfMemory = false;
  try {
    throw;
  } catch (const PendingException&) {
    return;
  } catch (const c10::Error& error) {
    message = firstLine(error.what_without_backtrace());
    outOfMemory = speaksOfMemory(error.what_without_backtrace());
  } catch (const std::bad_alloc&) {
    message = "out of memory";
    outOfMemory = true;
  } catch (const std::exception& error) {
    message = firstLine(error.what());
    outOfMemory = speaksOfMemory(error.what());
  } catch (...) {
    message = "an exception of unknown type";
  }
  try {
    if (call != nullptr && call->running != nullptr) message = describeCall(*call) + ": " + message;
    else if (call != nullptr && call->name != nullptr) message = std::string(call->name) + ": " + message;
  } catch (...) {
    // The plain message is still true.
  }
  throwError(env, message, outOfMemory);
}

void check(napi_env env, napi_status status) {
  if (status == napi_ok) return;
  bool pending = false;
  napi_is_exception_pending(env, &pending);
  if (pending) throw PendingException{};
  const napi_extended_error_info* info = nullptr;
  napi_get_last_error_info(env, &info);
  throw std::runtime_error(info != nullptr && info->error_message != nullptr ? info->error_message
                                                                             : "Node-API refused a call");
}

Call::Call(napi_env env, napi_callback_info info) : env(env), environment(environmentOf(env)) {
  void* data = nullptr;
  check(env, napi_get_cb_info(env, info, &count, values, nullptr, &data));
  name = static_cast<const char*>(data);
  if (count > most) throw std::invalid_argument("expected at most 32 arguments, got " + std::to_string(count));
}

bool Call::given(size_t index) const {
  if (index >= count) return false;
  napi_valuetype type = napi_undefined;
  check(env, napi_typeof(env, values[index], &type));
  return type != napi_undefined && type != napi_null;
}

namespace {
bool isExactInteger(double value) {
  return value == std::floor(value) && std::abs(value) <= 9007199254740992.0;  // 2^53
}

[[noreturn]] void wrong(size_t index, const char* expected) {
  throw std::invalid_argument("argument " + std::to_string(index + 1) + ": expected " + expected);
}
}  // namespace

double Call::number(size_t index) const {
  double value = 0;
  if (index >= count || napi_get_value_double(env, values[index], &value) != napi_ok) wrong(index, "a number");
  return value;
}

int64_t Call::integer(size_t index) const {
  const double value = number(index);
  if (!isExactInteger(value)) wrong(index, "a whole number");
  return static_cast<int64_t>(value);
}

bool Call::boolean(size_t index) const {
  bool value = false;
  if (index >= count || napi_get_value_bool(env, values[index], &value) != napi_ok) wrong(index, "true or false");
  return value;
}

std::string Call::text(size_t index) const {
  if (index >= count) wrong(index, "a string");
  return readText(env, values[index]);
}

std::vector<int64_t> Call::integers(size_t index) const {
  uint32_t length = 0;
  if (index >= count || napi_get_array_length(env, values[index], &length) != napi_ok)
    wrong(index, "an array of numbers");
  std::vector<int64_t> numbers(length);
  for (uint32_t place = 0; place < length; ++place) {
    napi_value element;
    check(env, napi_get_element(env, values[index], place, &element));
    double value = 0;
    if (napi_get_value_double(env, element, &value) != napi_ok || !isExactInteger(value))
      wrong(index, "an array of whole numbers");
    numbers[place] = static_cast<int64_t>(value);
  }
  return numbers;
}

std::vector<int32_t> Call::handles(size_t index) const {
  if (index >= count) wrong(index, "an Int32Array");
  return readHandles(env, values[index]);
}

std::vector<at::Tensor> Call::tensors(size_t index) const { return readTensors(*this, values[index]).vec(); }

std::pair<uint8_t*, size_t> Call::bytes(size_t index) const {
  auto type = static_cast<napi_typedarray_type>(255);  // stays so for kinds that this Node-API does not know
  size_t length = 0;
  void* data = nullptr;
  if (index >= count ||
      napi_get_typedarray_info(env, values[index], &type, &length, &data, nullptr, nullptr) != napi_ok) {
    wrong(index, "a typed array");
  }
  constexpr size_t sizes[] = {1, 1, 1, 2, 2, 4, 4, 4, 8, 8, 8};
  if (static_cast<size_t>(type) >= std::size(sizes)) wrong(index, "a typed array of 8 to 64 bit numbers");
  return {static_cast<uint8_t*>(data), length * sizes[type]};
}

napi_value Call::undefined() const {
  napi_value value;
  check(env, napi_get_undefined(env, &value));
  return value;
}

napi_value Call::make(double value) const {
  napi_value result;
  check(env, napi_create_double(env, value, &result));
  return result;
}

napi_value Call::make(int32_t value) const {
  napi_value result;
  check(env, napi_create_int32(env, value, &result));
  return result;
}

napi_value Call::make(bool value) const {
  napi_value result;
  check(env, napi_get_boolean(env, value, &result));
  return result;
}

napi_value Call::make(const std::string& value) const {
  napi_value result;
  check(env, napi_create_string_utf8(env, value.c_str(), value.size(), &result));
  return result;
}

napi_value Call::make(const std::vector<int32_t>& handles) const {
  void* data = nullptr;
  napi_value buffer, array;
  check(env, napi_create_arraybuffer(env, handles.size() * sizeof(int32_t), &data, &buffer));
  if (!handles.empty()) std::memcpy(data, handles.data(), handles.size() * sizeof(int32_t));
  check(env, napi_create_typedarray(env, napi_int32_array, handles.size(), buffer, 0, &array));
  return array;
}

napi_value Call::handles(std::vector<at::Tensor>&& tensors) const {
  std::vector<int32_t> handles;
  handles.reserve(tensors.size());
  for (at::Tensor& tensor : tensors) handles.push_back(environment.tensors.add(std::move(tensor)));
  return make(handles);
}

napi_value Call::makeArray(at::IntArrayRef numbers) const {
  napi_value array;
  check(env, napi_create_array_with_length(env, numbers.size(), &array));
  for (size_t index = 0; index < numbers.size(); ++index) {
    check(env, napi_set_element(env, array, static_cast<uint32_t>(index), make(static_cast<double>(numbers[index]))));
  }
  return array;
}

}  // namespace nasnet
