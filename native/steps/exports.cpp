// See exports.h.
#include "exports.h"

#include "machine.h"
#include "observation.h"
#include "program.h"

namespace nasnet {

napi_value observeStep(Call& call) {
  const auto sibling = call.given(2) ? call.environment.steps.at(call.integer(2)) : nullptr;
  call.environment.observation = std::make_shared<steps::Observation>(call.tensors(0), call.tensors(1), sibling.get());
  return call.undefined();
}

napi_value createStep(Call& call) {
  const auto observation = std::move(call.environment.observation);
  if (!observation || !call.given(0)) return call.make(-1);
  auto program = observation->program(call.tensor(0), call.tensors(1));
  if (!program) return call.make(-1);
  return call.make(call.environment.steps.add(std::move(program)));
}

napi_value runStep(Call& call) {
  const auto program = call.environment.steps.at(call.integer(0));
  const std::vector<at::Tensor> inputs = call.tensors(1);
  if (!program->accepts(inputs)) return call.undefined();
  std::vector<at::Tensor> outputs = program->run(inputs);
  useLargePages();
  return call.handles(std::move(outputs));
}

napi_value releaseStep(Call& call) {
  call.environment.steps.at(call.integer(0)).reset();
  return call.undefined();
}

}  // namespace nasnet
