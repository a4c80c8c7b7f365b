// libtorch's random generators: seeds, and states that can be saved and restored.
#include "random.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <torch/cuda.h>

#include <mutex>
#include <stdexcept>

namespace nasnet {

namespace {

/** A number names a generator of ours, a string the default generator of that device. */
at::Generator generatorOf(Call& call, size_t index) {
  napi_valuetype type = napi_undefined;
  check(call.env, napi_typeof(call.env, call.values[index], &type));
  if (type == napi_string) {
    const c10::Device device(call.text(index));
    return at::globalContext().defaultGenerator(device);
  }
  const int64_t place = call.integer(index);
  const auto& generators = call.environment.generators;
  if (place < 1 || place >= static_cast<int64_t>(generators.size()) || !generators[place].defined()) {
    throw std::invalid_argument("the generator was disposed or is none of this thread's");
  }
  return generators[place];
}

uint64_t seedOf(Call& call, size_t index) { return static_cast<uint64_t>(call.integer(index)); }

}  // namespace

napi_value manualSeed(Call& call) {
  const uint64_t seed = seedOf(call, 0);
  at::Generator generator = at::detail::getDefaultCPUGenerator();
  {
    const std::lock_guard<std::mutex> lock(generator.mutex());
    generator.set_current_seed(seed);
  }
  if (torch::cuda::is_available()) torch::cuda::manual_seed_all(seed);
  return call.undefined();
}

napi_value createGenerator(Call& call) {
  auto& generators = call.environment.generators;
  if (generators.empty()) generators.emplace_back();
  at::Generator created = at::detail::createCPUGenerator(seedOf(call, 0));
  for (size_t index = 1; index < generators.size(); ++index) {
    if (generators[index].defined()) continue;
    generators[index] = std::move(created);
    return call.make(static_cast<int32_t>(index));
  }
  generators.push_back(std::move(created));
  return call.make(static_cast<int32_t>(generators.size() - 1));
}

napi_value releaseGenerator(Call& call) {
  const int64_t index = call.integer(0);
  auto& generators = call.environment.generators;
  if (index >= 1 && index < static_cast<int64_t>(generators.size())) generators[index] = at::Generator();
  return call.undefined();
}

napi_value generatorState(Call& call) {
  at::Generator generator = generatorOf(call, 0);
  const std::lock_guard<std::mutex> lock(generator.mutex());
  return call.handle(generator.get_state());
}

napi_value setGeneratorState(Call& call) {
  at::Generator generator = generatorOf(call, 0);
  const at::Tensor state = call.tensor(1);
  const std::lock_guard<std::mutex> lock(generator.mutex());
  generator.set_state(state);
  return call.undefined();
}

}  // namespace nasnet
