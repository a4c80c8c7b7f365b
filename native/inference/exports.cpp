// See exports.h.
#include "exports.h"

#include <cstring>
#include <stdexcept>

#include "kernels/kept-weights.h"
#include "program.h"

namespace nasnet {

namespace {

std::shared_ptr<inference::Program>& programAt(Call& call) {
  const int64_t number = call.integer(0);
  auto& programs = call.environment.programs;
  if (number < 0 || number >= static_cast<int64_t>(programs.size()) || !programs[number])
    throw std::invalid_argument("no program has the number " + std::to_string(number));
  return programs[number];
}

}  // namespace

napi_value createProgram(Call& call) {
  const auto [bytes, size] = call.bytes(0);
  std::vector<double> code(size / sizeof(double));
  std::memcpy(code.data(), bytes, code.size() * sizeof(double));
  std::vector<at::Tensor> tensors;
  for (const int32_t handle : call.handles(1)) tensors.push_back(call.environment.tensors.at(handle));
  kernels::forgetPacked();
  auto program = std::make_shared<inference::Program>(code, std::move(tensors));
  auto& programs = call.environment.programs;
  size_t number = 0;
  while (number < programs.size() && programs[number]) ++number;
  if (number == programs.size()) programs.emplace_back();
  programs[number] = std::move(program);
  return call.make(static_cast<int32_t>(number));
}

napi_value runProgram(Call& call) { return call.handle(programAt(call)->run(call.tensor(1))); }

napi_value releaseProgram(Call& call) {
  programAt(call).reset();
  return call.undefined();
}

}  // namespace nasnet
