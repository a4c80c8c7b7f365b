// Threads that go through the steps of one image together: each does its share of a step and waits for the others.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

namespace nasnet::inference {

class Team {
 public:
  explicit Team(int count) : count_(count) {}

  int count() const { return count_; }
  /** Returns when all threads have called it. A few microseconds it spins, then it leaves the processor to others. */
  void wait();

 private:
  const int count_;
  std::atomic<int> missing_{count_};
  std::atomic<uint32_t> turn_{0};
};

/** Calls work(index, team) on every thread of libtorch's pool, or only on this one where there is none. */
void asTeam(const std::function<void(int, Team&)>& work);

}  // namespace nasnet::inference
