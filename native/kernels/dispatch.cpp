// Chooses the version of the loops once per process, by what the processor can do.
#include <cstdlib>
#include <cstring>

#include "loops.h"

namespace nasnet::kernels {

namespace {

const char* asked() {
  const char* text = std::getenv("NASNET_KERNELS");
  return text != nullptr ? text : "";
}

const Loops& choose() {
#if defined(__x86_64__)
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq");
  if (std::strcmp(asked(), "plain") == 0) return plainLoops;
  if (avx512 && std::strcmp(asked(), "avx2") != 0) return avx512Loops;
  if (avx2) return avx2Loops;
#endif
  return plainLoops;
}

}  // namespace

const Loops& loops() {
  static const Loops& chosen = choose();
  return chosen;
}

const Loops& loopsAlong([[maybe_unused]] int64_t channels) {
#if defined(__x86_64__)
  if (&loops() == &avx512Loops && channels % avx512Loops.width != 0 && std::strcmp(asked(), "avx512") != 0) return avx2Loops;
#endif
  return loops();
}

bool kernelsOff() {
  static const bool off = std::strcmp(asked(), "off") == 0;
  return off;
}

}  // namespace nasnet::kernels
