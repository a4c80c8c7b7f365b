// Reads libtorch's schema objects; see schema.h.
#include "schema.h"

#include <ATen/core/function_schema.h>
#include <ATen/core/jit_type.h>

#include <stdexcept>

namespace nasnet {

namespace {

Kind listKind(const c10::Type& element) {
  switch (element.kind()) {
    case c10::TypeKind::TensorType: return Kind::tensorList;
    case c10::TypeKind::OptionalType: return Kind::optionalTensorList;
    case c10::TypeKind::IntType:
    case c10::TypeKind::SymIntType: return Kind::integerList;
    case c10::TypeKind::FloatType: return Kind::numberList;
    case c10::TypeKind::BoolType: return Kind::booleanList;
    case c10::TypeKind::NumberType: return Kind::scalarList;
    default: return Kind::other;
  }
}

Kind kindOf(const c10::Type& type) {
  switch (type.kind()) {
    case c10::TypeKind::TensorType: return Kind::tensor;
    case c10::TypeKind::IntType:
    case c10::TypeKind::SymIntType: return Kind::integer;
    case c10::TypeKind::FloatType: return Kind::number;
    case c10::TypeKind::BoolType: return Kind::boolean;
    case c10::TypeKind::NumberType: return Kind::scalar;
    case c10::TypeKind::StringType: return Kind::text;
    case c10::TypeKind::GeneratorType: return Kind::generator;
    case c10::TypeKind::DeviceObjType: return Kind::device;
    case c10::TypeKind::ScalarTypeType: return Kind::dtype;
    case c10::TypeKind::LayoutType: return Kind::layout;
    case c10::TypeKind::MemoryFormatType: return Kind::memoryFormat;
    case c10::TypeKind::ListType: return listKind(*type.castRaw<c10::ListType>()->getElementType());
    default: return Kind::other;
  }
}

Argument readArgument(const c10::Argument& source) {
  Argument argument;
  argument.name = source.name();
  const c10::Type* type = source.real_type().get();
  if (const auto* optional = type->castRaw<c10::OptionalType>()) {
    argument.optional = true;
    type = optional->getElementType().get();
  }
  argument.kind = kindOf(*type);
  if (source.N()) argument.length = *source.N();
  if (source.default_value()) {
    argument.hasDefault = true;
    argument.defaultValue = *source.default_value();
  }
  return argument;
}

int32_t writtenArgument(const c10::FunctionSchema& schema, const c10::Argument& result) {
  const auto* alias = result.alias_info();
  if (alias == nullptr || !alias->isWrite()) return -1;
  for (size_t index = 0; index < schema.arguments().size(); ++index) {
    const auto* other = schema.arguments()[index].alias_info();
    if (other != nullptr && other->isWrite() && other->beforeSets() == alias->beforeSets())
      return static_cast<int32_t>(index);
  }
  return -1;
}

}  // namespace

Operator readOperator(const std::string& name, const std::string& overload) {
  const std::string fullName = overload.empty() ? name : name + "." + overload;
  const auto handle = c10::Dispatcher::singleton().findSchema({name, overload});
  if (!handle.has_value()) throw std::invalid_argument("this libtorch has no operator " + fullName);
  Operator found{*handle, fullName, {}, {}};
  const c10::FunctionSchema& schema = handle->schema();
  for (const auto& argument : schema.arguments()) found.arguments.push_back(readArgument(argument));
  for (const auto& result : schema.returns()) {
    found.results.push_back({kindOf(*result.real_type()), writtenArgument(schema, result)});
  }
  return found;
}

}  // namespace nasnet
