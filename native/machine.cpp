// The machine under the tensors: threads, devices, the C library's allocator, libtorch's version.
#include "machine.h"

#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <dlfcn.h>
#include <torch/cuda.h>
#include <torch/version.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>

#include "kernels/loops/loops.h"

#ifdef __GLIBC__
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>
#endif

namespace nasnet {

namespace {

uintptr_t heapStart = 0;  // the first large page after what was there when the addon was loaded

}  // namespace

napi_value setThreads(Call& call) {
  const int64_t count = call.integer(0);
  if (count < 1 || count > 4096) throw std::invalid_argument("expected a number of threads from 1 to 4096");
  at::set_num_threads(static_cast<int>(count));
  // OpenBLAS built on pthreads keeps a pool of its own that libtorch does not know.
  using SetThreads = void (*)(int);
  const auto setBlasThreads = reinterpret_cast<SetThreads>(dlsym(RTLD_DEFAULT, "openblas_set_num_threads"));
  if (setBlasThreads != nullptr) setBlasThreads(static_cast<int>(count));
  return call.undefined();
}

napi_value threads(Call& call) { return call.make(static_cast<int32_t>(at::get_num_threads())); }

napi_value devices(Call& call) {
  napi_value list;
  check(call.env, napi_create_array(call.env, &list));
  check(call.env, napi_set_element(call.env, list, 0, call.make(std::string("cpu"))));
  const size_t count = torch::cuda::device_count();
  for (size_t index = 0; index < count; ++index) {
    const napi_value name = call.make("cuda:" + std::to_string(index));
    check(call.env, napi_set_element(call.env, list, static_cast<uint32_t>(index + 1), name));
  }
  return list;
}

napi_value synchronize(Call& call) {
  if (torch::cuda::is_available()) torch::cuda::synchronize();
  return call.undefined();
}

napi_value version(Call& call) { return call.make(std::string(TORCH_VERSION)); }

napi_value kernelVersion(Call& call) {
  return call.make(std::string(kernels::kernelsOff() ? "off" : kernels::loops().name));
}

napi_value configuration(Call& call) { return call.make(at::show_config() + at::get_parallel_info()); }

void keepLargeBuffers() {
#ifdef __GLIBC__
  if (heapStart != 0) return;  // a thread loads the addon after the process has
  heapStart = (reinterpret_cast<uintptr_t>(sbrk(0)) + (2 << 20) - 1) >> 21 << 21;
  // By default glibc maps each large buffer and unmaps it when it is freed, so that the next operator has page faults
  // again. In trainings of 2 cells and 24 filters this saves four of five page faults and 8 % of the processor's time.
  // the maximum of glibc before 2.35
  if (mallopt(M_MMAP_THRESHOLD, 1 << 30) == 0) mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  // The heap grows by address space for many buffers at once, so that large pages can be asked for before anything is
  // in them.
  mallopt(M_TOP_PAD, 1 << 30);
  void* volatile growth = std::malloc(64 << 20);  // volatile: otherwise compilers remove both calls
  std::free(growth);
  useLargePages();
#endif
}

void useLargePages() {
#if defined(__GLIBC__) && defined(MADV_HUGEPAGE)
  constexpr uintptr_t page = 2 << 20;
  static std::atomic<uintptr_t> done{0};
  const uintptr_t top = reinterpret_cast<uintptr_t>(sbrk(0)) / page * page;
  const uintptr_t start = std::max<uintptr_t>(done, heapStart);
  if (top <= start || done.exchange(top) == top) return;
  // Without large pages this fails, which has no effect.
  madvise(reinterpret_cast<void*>(start), top - start, MADV_HUGEPAGE);
#endif
}

}  // namespace nasnet
