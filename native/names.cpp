// The table of names; see names.h.
#include "names.h"

#include <array>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace nasnet {

namespace {

constexpr std::array<std::pair<const char*, at::ScalarType>, 12> dtypes{{
    {"float32", at::kFloat},
    {"float64", at::kDouble},
    {"int64", at::kLong},
    {"uint8", at::kByte},
    {"bool", at::kBool},
    {"int32", at::kInt},
    {"bfloat16", at::kBFloat16},
    {"float16", at::kHalf},
    {"int8", at::kChar},
    {"int16", at::kShort},
    {"complex64", at::kComplexFloat},
    {"complex128", at::kComplexDouble},
}};

constexpr std::array<std::pair<const char*, at::MemoryFormat>, 4> memoryFormats{{
    {"contiguous", at::MemoryFormat::Contiguous},
    {"channels_last", at::MemoryFormat::ChannelsLast},
    {"channels_last_3d", at::MemoryFormat::ChannelsLast3d},
    {"preserve", at::MemoryFormat::Preserve},
}};

template <typename Table>
auto lookUp(const Table& table, const std::string& name, const char* what) {
  std::string known;
  for (const auto& [candidate, value] : table) {
    if (name == candidate) return value;
    known += (known.empty() ? "" : ", ") + std::string(candidate);
  }
  throw std::invalid_argument(std::string("expected ") + what + " (" + known + "), got '" + name + "'");
}

}  // namespace

std::string dtypeName(at::ScalarType dtype) {
  for (const auto& [name, value] : dtypes) {
    if (value == dtype) return name;
  }
  return c10::toString(dtype);
}

at::ScalarType dtypeOf(const std::string& name) { return lookUp(dtypes, name, "a dtype"); }

at::Layout layoutOf(const std::string& name) {
  if (name == "strided") return at::kStrided;
  throw std::invalid_argument("expected the layout 'strided', got '" + name + "'");
}

at::MemoryFormat memoryFormatOf(const std::string& name) { return lookUp(memoryFormats, name, "a memory format"); }

std::string describe(const at::Tensor& tensor) {
  if (!tensor.defined()) return "undefined";
  std::ostringstream text;
  text << '[';
  for (int64_t axis = 0; axis < tensor.dim(); ++axis) text << (axis ? ", " : "") << tensor.size(axis);
  text << "] " << dtypeName(tensor.scalar_type());
  if (!tensor.device().is_cpu()) text << " on " << tensor.device().str();
  return text.str();
}

}  // namespace nasnet
