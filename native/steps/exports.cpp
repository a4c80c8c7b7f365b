// See exports.h.
#include "exports.h"

#include "machine.h"
#include "observation.h"
#include "program.h"

namespace nasnet {

napi_value observeStep(Call& call) {
  call.environment.observation = std::make_shared<steps::Observation>(call.tensors(0), call.tensors(1));
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
  std::vector<at::Tensor> outputs = call.environment.steps.at(call.integer(0))->run(call.tensors(1));
  useLargePages();
  return call.handles(std::move(outputs));
}

napi_value releaseStep(Call& call) {
  call.environment.steps.at(call.integer(0)).reset();
  return call.undefined();
}

}  // namespace nasnet
