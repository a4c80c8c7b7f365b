// Chooses the version of the loops once per process, by what the processor can do.
#include <cstdlib>
#include <cstring>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "loops.h"

namespace nasnet::kernels {

namespace {

const char* asked() {
  const char* text = std::getenv("NASNET_KERNELS");
  return text != nullptr ? text : "";
}

bool askedFor(const char* name) { return std::strcmp(asked(), name) == 0; }

#if defined(NASNET_AVX512BF16)
/** Some compilers support this instruction set without a way to detect it. */
bool hasBf16() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && (a >> 5 & 1) != 0;
}
#endif

const Loops& choose() {
#if defined(__x86_64__)
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq");
  if (askedFor("plain")) return plainLoops;
  const bool wide = &avx512Loops != nullptr && avx512 && !askedFor("avx2");
#if defined(NASNET_AVX512BF16)
  if (wide && hasBf16() && !askedFor("avx512")) return avx512bf16Loops;
#endif
  if (wide) return avx512Loops;
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
  constexpr int line = 16;
  static const bool lines = loops().width == line && std::strncmp(asked(), "avx512", 6) != 0;
  if (lines && channels % line != 0) return avx2Loops;
#endif
  return loops();
}

bool kernelsOff() {
  static const bool off = askedFor("off");
  return off;
}

}  // namespace nasnet::kernels
