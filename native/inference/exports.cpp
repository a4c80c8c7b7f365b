// See exports.h.
#include "exports.h"

#include <cstring>

#include "kernels/kept-weights.h"
#include "program.h"

namespace nasnet {

napi_value createProgram(Call& call) {
  const auto [bytes, size] = call.bytes(0);
  std::vector<double> code(size / sizeof(double));
  std::memcpy(code.data(), bytes, code.size() * sizeof(double));
  kernels::forgetPacked();
  auto program = std::make_shared<inference::Program>(code, call.tensors(1));
  return call.make(call.environment.programs.add(std::move(program)));
}

napi_value runProgram(Call& call) {
  return call.handle(call.environment.programs.at(call.integer(0))->run(call.tensor(1)));
}

napi_value releaseProgram(Call& call) {
  call.environment.programs.at(call.integer(0)).reset();
  return call.undefined();
}

}  // namespace nasnet
