// See team.h.
#include "team.h"

#include <ATen/Parallel.h>

#include <memory>
#include <thread>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

// The entry points of OpenMP, present if libtorch uses it (kernels/over-images.h).
extern "C" {
void GOMP_parallel(void (*run)(void*), void* data, unsigned threads, unsigned flags) __attribute__((weak));
int omp_get_num_threads() __attribute__((weak));
int omp_get_thread_num() __attribute__((weak));
}

namespace nasnet::inference {

namespace {

void pause() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

struct Shared {
  const std::function<void(int, Team&)>& work;
  std::atomic<Team*> team{nullptr};
};

}  // namespace

void Team::wait() {
  constexpr int spins = 2000;  // some 20 to 40 µs
  if (count_ == 1) return;
  const uint32_t turn = turn_.load(std::memory_order_acquire);
  if (missing_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
    missing_.store(count_, std::memory_order_relaxed);
    turn_.store(turn + 1, std::memory_order_release);
    return;
  }
  for (int spin = 0; turn_.load(std::memory_order_acquire) == turn; ++spin) {
    if (spin < spins) pause();
    else std::this_thread::yield();
  }
}

void asTeam(const std::function<void(int, Team&)>& work) {
  const int threads = at::get_num_threads();
  const bool parallel = threads > 1 && GOMP_parallel != nullptr && omp_get_num_threads != nullptr &&
                        omp_get_thread_num != nullptr && !at::in_parallel_region();
  if (!parallel) {
    Team alone(1);
    work(0, alone);
    return;
  }
  Shared shared{work};
  const auto run = [](void* data) {
    Shared& shared = *static_cast<Shared*>(data);
    const int index = omp_get_thread_num();
    if (index == 0) shared.team.store(new Team(omp_get_num_threads()), std::memory_order_release);
    Team* team = nullptr;
    while ((team = shared.team.load(std::memory_order_acquire)) == nullptr) pause();
    shared.work(index, *team);
  };
  GOMP_parallel(run, &shared, static_cast<unsigned>(threads), 0);
  delete shared.team.load();
}

}  // namespace nasnet::inference
