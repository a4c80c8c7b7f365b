// See exports.h.
#include "exports.h"

#include <algorithm>
#include <stdexcept>

#include "machine.h"
#include "observation.h"
#include "program.h"

namespace nasnet {

namespace {

std::vector<at::Tensor> tensorsOf(Call& call, size_t index) {
  std::vector<at::Tensor> tensors;
  for (const int32_t handle : call.handles(index)) tensors.push_back(call.environment.tensors.at(handle));
  return tensors;
}

std::shared_ptr<steps::Program>& stepAt(Call& call) {
  const int64_t number = call.integer(0);
  auto& all = call.environment.steps;
  if (number < 0 || number >= static_cast<int64_t>(all.size()) || !all[number])
    throw std::invalid_argument("no step has the number " + std::to_string(number));
  return all[number];
}

}  // namespace

napi_value observeStep(Call& call) {
  call.environment.observation = std::make_shared<steps::Observation>(tensorsOf(call, 0), tensorsOf(call, 1));
  return call.undefined();
}

napi_value createStep(Call& call) {
  const auto observation = std::move(call.environment.observation);
  if (!observation || !call.given(0)) return call.make(-1);
  auto program = observation->program(call.tensor(0), tensorsOf(call, 1));
  if (!program) return call.make(-1);
  auto& all = call.environment.steps;
  const auto place = std::find(all.begin(), all.end(), nullptr);
  const auto number = static_cast<int32_t>(place - all.begin());
  if (place == all.end()) all.push_back(std::move(program));
  else *place = std::move(program);
  return call.make(number);
}

napi_value runStep(Call& call) {
  std::vector<int32_t> handles;
  for (at::Tensor& each : stepAt(call)->run(tensorsOf(call, 1)))
    handles.push_back(call.environment.tensors.add(std::move(each)));
  useLargePages();
  return call.make(handles);
}

napi_value releaseStep(Call& call) {
  stepAt(call).reset();
  return call.undefined();
}

}  // namespace nasnet
