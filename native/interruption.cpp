// Ends the process some seconds after a signal, even while the main thread computes and no JavaScript handler can run.
// A separate thread waits for the signals at a pipe. All files are complete at any time.
#include "interruption.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>
#include <thread>

namespace nasnet {

namespace {

constexpr int watched[] = {SIGINT, SIGTERM};
// ms; a terminal, npm and the launcher each forward one Ctrl-C (scripts/launch/signals.mjs)
constexpr int64_t sameGesture = 400;
constexpr int64_t afterSecond = 500;  // ms for JavaScript to end at the second one by itself

int pipeEnds[2] = {-1, -1};
struct sigaction earlier[2];
bool stands = false;
std::atomic<int64_t> grace{0};
std::atomic<std::string*> lastWords{nullptr};  // an older text is never freed, since the thread may be writing it

int64_t now() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return int64_t{1000} * time.tv_sec + time.tv_nsec / 1'000'000;
}

/** Called by the system: reports the signal to the thread, then calls the previous handler. */
void hear(int number, siginfo_t* info, void* context) {
  const int before = errno;
  const auto byte = static_cast<unsigned char>(number);
  [[maybe_unused]] const ssize_t written = write(pipeEnds[1], &byte, 1);
  const struct sigaction& handler = earlier[number == watched[0] ? 0 : 1];
  if (handler.sa_flags & SA_SIGINFO) {
    handler.sa_sigaction(number, info, context);
  } else if (handler.sa_handler != SIG_DFL && handler.sa_handler != SIG_IGN) {
    handler.sa_handler(number);
  }
  errno = before;
}

[[noreturn]] void end(int number) {
  if (const std::string* words = lastWords) {
    [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, words->data(), words->size());
  }
  _exit(128 + number);
}

/** Runs the thread: the first signal sets a deadline, a second one an earlier deadline. */
void watch() {
  int first = 0;
  int64_t heardAt = 0, deadline = 0;
  for (;;) {
    pollfd input{pipeEnds[0], POLLIN, 0};
    const int64_t left = first == 0 ? -1 : std::max<int64_t>(0, deadline - now());
    const int ready = poll(&input, 1, static_cast<int>(left));
    if (first != 0 && now() >= deadline) end(first);
    unsigned char number = 0;
    if (ready <= 0 || read(pipeEnds[0], &number, 1) != 1) continue;
    const int64_t time = now();
    if (first == 0) {
      first = number;
      deadline = time + grace;
    } else if (time - heardAt >= sameGesture) {
      deadline = std::min(deadline, time + afterSecond);
    }
    heardAt = time;
  }
}

/** Starts the thread once per process; returns false if that fails. */
bool startThread() {
  static const bool started = [] {
    if (pipe(pipeEnds) != 0) return false;
    for (const int file : pipeEnds) fcntl(file, F_SETFD, FD_CLOEXEC);
    fcntl(pipeEnds[1], F_SETFL, O_NONBLOCK);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);  // the thread inherits the mask, so that other threads get the signals
    try {
      std::thread(watch).detach();
    } catch (...) {
      pthread_sigmask(SIG_SETMASK, &before, nullptr);
      return false;
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return true;
  }();
  return started;
}

napi_value nothing(napi_env env) {
  napi_value value;
  return napi_get_undefined(env, &value) == napi_ok ? value : nullptr;
}

}  // namespace

napi_value endAfterSignal(napi_env env, napi_callback_info info) {
  size_t count = 2, length = 0;
  napi_value values[2];
  int64_t milliseconds = 0;
  if (napi_get_cb_info(env, info, &count, values, nullptr, nullptr) != napi_ok || count != 2 ||
      napi_get_value_int64(env, values[0], &milliseconds) != napi_ok || milliseconds < 0 ||
      napi_get_value_string_utf8(env, values[1], nullptr, 0, &length) != napi_ok) {
    napi_throw_type_error(env, nullptr, "endAfterSignal: expected milliseconds and a sentence");
    return nullptr;
  }
  auto* words = new std::string(length + 1, '\0');
  napi_get_value_string_utf8(env, values[1], words->data(), words->size(), &length);
  words->resize(length);
  lastWords = words;
  grace = milliseconds;
  if (stands || !startThread()) return nothing(env);
  struct sigaction ours;
  std::memset(&ours, 0, sizeof ours);
  ours.sa_sigaction = hear;
  ours.sa_flags = SA_SIGINFO | SA_RESTART;
  sigfillset(&ours.sa_mask);
  for (int place = 0; place < 2; ++place) sigaction(watched[place], nullptr, &earlier[place]);
  for (const int number : watched) sigaction(number, &ours, nullptr);
  stands = true;
  return nothing(env);
}

napi_value leaveSignals(napi_env env, napi_callback_info) {
  if (stands) {
    for (int place = 0; place < 2; ++place) sigaction(watched[place], &earlier[place], nullptr);
  }
  stands = false;
  return nothing(env);
}

}  // namespace nasnet
