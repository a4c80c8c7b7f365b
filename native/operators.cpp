// The generic call: any operator of libtorch's dispatcher, including registered ones, by number.
#include "operators.h"

#include <stdexcept>
#include <utility>

#include "arguments.h"
#include "steps/observation.h"

namespace nasnet {

namespace {

/**
 * Borrows the shared stack, so that its memory is reused; a call from within (a getter among the arguments) has its
 * own.
 */
struct StackUse {
  std::vector<c10::IValue>& lender;
  std::vector<c10::IValue> stack;
  explicit StackUse(std::vector<c10::IValue>& lender) : lender(lender), stack(std::move(lender)) { stack.clear(); }
  ~StackUse() {
    stack.clear();
    lender = std::move(stack);
  }
};

napi_value describeOperator(Call& call, const Operator& op, int32_t id) {
  napi_value object, arguments, results;
  check(call.env, napi_create_object(call.env, &object));
  check(call.env, napi_create_array(call.env, &arguments));
  check(call.env, napi_create_array(call.env, &results));
  uint32_t index = 0;
  for (const Argument& argument : op.arguments) {
    napi_value item;
    check(call.env, napi_create_object(call.env, &item));
    check(call.env, napi_set_named_property(call.env, item, "name", call.make(argument.name)));
    check(call.env, napi_set_named_property(call.env, item, "kind", call.make(static_cast<int32_t>(argument.kind))));
    const bool omissible = argument.optional || argument.hasDefault;
    check(call.env, napi_set_named_property(call.env, item, "optional", call.make(omissible)));
    check(call.env, napi_set_element(call.env, arguments, index++, item));
  }
  index = 0;
  for (const Result& result : op.results) {
    napi_value item;
    check(call.env, napi_create_object(call.env, &item));
    check(call.env, napi_set_named_property(call.env, item, "kind", call.make(static_cast<int32_t>(result.kind))));
    check(call.env, napi_set_named_property(call.env, item, "writes", call.make(result.writes)));
    check(call.env, napi_set_element(call.env, results, index++, item));
  }
  check(call.env, napi_set_named_property(call.env, object, "id", call.make(id)));
  check(call.env, napi_set_named_property(call.env, object, "name", call.make(op.name)));
  check(call.env, napi_set_named_property(call.env, object, "arguments", arguments));
  check(call.env, napi_set_named_property(call.env, object, "results", results));
  return object;
}

}  // namespace

napi_value kinds(Call& call) {
  constexpr std::pair<const char*, Kind> unwrapped[] = {{"tensor", Kind::tensor},
                                                        {"tensorList", Kind::tensorList},
                                                        {"optionalTensorList", Kind::optionalTensorList},
                                                        {"generator", Kind::generator}};
  napi_value object;
  check(call.env, napi_create_object(call.env, &object));
  for (const auto& [name, kind] : unwrapped)
    check(call.env, napi_set_named_property(call.env, object, name, call.make(static_cast<int32_t>(kind))));
  return object;
}

napi_value schema(Call& call) {
  const std::string name = call.text(0);
  const std::string overload = call.text(1);
  Environment& environment = call.environment;
  const auto [place, isNew] = environment.operatorIds.try_emplace(name + "." + overload, -1);
  if (place->second < 0) {
    try {
      environment.operators.push_back(readOperator(name, overload));
    } catch (...) {
      environment.operatorIds.erase(place);
      throw;
    }
    place->second = static_cast<int32_t>(environment.operators.size() - 1);
  }
  return describeOperator(call, environment.operators[place->second], place->second);
}

napi_value callOperator(Call& call) {
  Environment& environment = call.environment;
  const int64_t id = call.integer(0);
  if (id < 0 || id >= static_cast<int64_t>(environment.operators.size())) {
    throw std::invalid_argument("no operator has the number " + std::to_string(id));
  }
  const Operator& op = environment.operators[id];
  call.running = &op;
  const size_t given = call.count - 1;
  if (given > op.arguments.size()) {
    throw std::invalid_argument("takes at most " + std::to_string(op.arguments.size()) + " arguments");
  }
  StackUse use(environment.stack);
  for (size_t index = 0; index < op.arguments.size(); ++index) {
    const Argument& argument = op.arguments[index];
    if (index < given) use.stack.push_back(readArgument(call, call.values[index + 1], argument));
    else if (argument.hasDefault) use.stack.push_back(argument.defaultValue);
    else if (argument.optional) use.stack.emplace_back();
    else throw std::invalid_argument("the argument '" + argument.name + "' is missing");
  }
  const auto observation = environment.observation;
  const std::vector<c10::IValue> arguments = observation ? use.stack : std::vector<c10::IValue>();
  op.handle.callBoxed(&use.stack);
  if (observation) observation->add(op, arguments, use.stack);
  if (use.stack.empty()) return call.undefined();
  if (use.stack.size() == 1) return makeResult(call, std::move(use.stack[0]), op.results[0]);
  napi_value all;
  check(call.env, napi_create_array_with_length(call.env, use.stack.size(), &all));
  for (size_t index = 0; index < use.stack.size(); ++index) {
    const napi_value each = makeResult(call, std::move(use.stack[index]), op.results[index]);
    check(call.env, napi_set_element(call.env, all, static_cast<uint32_t>(index), each));
  }
  return all;
}

}  // namespace nasnet
