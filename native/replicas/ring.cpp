// The ring's sockets, and the sums that travel round it in pieces (Patarasuk and Yuan, "Bandwidth optimal all-reduce
// algorithms", 2009): every member sends 2 · (count − 1) / count of the data, whatever their number.
#include "replicas/ring.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <thread>

namespace nasnet::replicas {

namespace {

using Clock = std::chrono::steady_clock;

#ifdef MSG_NOSIGNAL
constexpr int withoutSignal = MSG_NOSIGNAL;
#else
constexpr int withoutSignal = 0;  // macOS: SO_NOSIGPIPE, set on the socket
#endif

/** All members are there when a ring opens, so that only a network that lets nothing through takes as long. */
constexpr std::chrono::milliseconds timeToConnect = std::chrono::minutes(5);
constexpr size_t piece = 1 << 18;  // bytes that a member passes on while it receives the next ones

[[noreturn]] void fail(const std::string& what) { throw std::runtime_error("replicas: " + what); }
[[noreturn]] void failSystem(const std::string& what) { fail(what + ": " + std::strerror(errno)); }

void prepare(int file) {
  const int on = 1;
  setsockopt(file, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
#ifdef SO_NOSIGPIPE
  setsockopt(file, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
#endif
  fcntl(file, F_SETFD, FD_CLOEXEC);
  fcntl(file, F_SETFL, O_NONBLOCK);
}

int millisecondsUntil(Clock::time_point deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return static_cast<int>(std::clamp<int64_t>(left, 0, 1 << 30));
}

/** Waits until one of the files is ready; false at the deadline. */
bool waitFor(pollfd* files, nfds_t count, Clock::time_point deadline) {
  for (;;) {
    const int ready = poll(files, count, millisecondsUntil(deadline));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) failSystem("poll");
    if (ready == 0 && Clock::now() >= deadline) return false;
  }
}

/** Tries each address of a host once. */
Socket tryConnect(const std::string& host, uint16_t port, Clock::time_point deadline) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  const int error = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (error != 0) fail(host + ": " + gai_strerror(error));
  Socket connected;
  for (const addrinfo* each = found; each != nullptr && connected.file() < 0; each = each->ai_next) {
    Socket candidate(socket(each->ai_family, each->ai_socktype, each->ai_protocol));
    if (candidate.file() < 0) continue;
    prepare(candidate.file());
    if (connect(candidate.file(), each->ai_addr, each->ai_addrlen) != 0 && errno != EINPROGRESS) continue;
    pollfd file{candidate.file(), POLLOUT, 0};
    int refused = 0;
    socklen_t length = sizeof refused;
    if (waitFor(&file, 1, deadline) && getsockopt(candidate.file(), SOL_SOCKET, SO_ERROR, &refused, &length) == 0 &&
        refused == 0)
      connected = std::move(candidate);
  }
  freeaddrinfo(found);
  return connected;
}

Socket connectTo(const std::string& host, uint16_t port, Clock::time_point deadline) {
  for (;;) {
    Socket connected = tryConnect(host, port, deadline);
    if (connected.file() >= 0) return connected;
    if (Clock::now() >= deadline) fail("no answer at " + host + ":" + std::to_string(port));
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

struct Greeting {
  uint64_t token;
  int64_t rank;
};

/** Waits for the greeting of a connection; anything else than the expected one is a stranger. */
bool greets(int file, const Greeting& expected, Clock::time_point deadline) {
  Greeting greeting{};
  size_t filled = 0;
  while (filled < sizeof greeting) {
    pollfd input{file, POLLIN, 0};
    if (!waitFor(&input, 1, deadline)) return false;
    const ssize_t got = recv(file, reinterpret_cast<char*>(&greeting) + filled, sizeof greeting - filled, 0);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) return false;
    if (got > 0) filled += static_cast<size_t>(got);
  }
  return greeting.token == expected.token && greeting.rank == expected.rank;
}

Socket acceptFrom(int listener, const Greeting& expected, Clock::time_point deadline) {
  constexpr auto patience = std::chrono::seconds(5);  // with a stranger
  for (;;) {
    pollfd input{listener, POLLIN, 0};
    if (!waitFor(&input, 1, deadline)) fail("replica " + std::to_string(expected.rank) + " did not connect");
    Socket accepted(accept(listener, nullptr, nullptr));
    if (accepted.file() < 0) continue;
    prepare(accepted.file());
    if (greets(accepted.file(), expected, std::min(deadline, Clock::now() + patience))) return accepted;
  }
}

}  // namespace

Socket::~Socket() {
  if (file_ >= 0) close(file_);
}

RingListener::RingListener() {
  // one socket for both kinds of addresses; without IPv6 one for IPv4
  Socket six(socket(AF_INET6, SOCK_STREAM, 0));
  const int off = 0;
  sockaddr_in6 any{};
  any.sin6_family = AF_INET6;
  any.sin6_addr = in6addr_any;
  if (six.file() >= 0) setsockopt(six.file(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  if (six.file() >= 0 && bind(six.file(), reinterpret_cast<sockaddr*>(&any), sizeof any) == 0) {
    socket_ = std::move(six);
  } else {
    socket_ = Socket(socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in four{};
    four.sin_family = AF_INET;
    if (socket_.file() < 0 || bind(socket_.file(), reinterpret_cast<sockaddr*>(&four), sizeof four) != 0)
      failSystem("no port to listen at");
  }
  prepare(socket_.file());
  sockaddr_storage bound{};
  socklen_t length = sizeof bound;
  if (listen(socket_.file(), 16) != 0 || getsockname(socket_.file(), reinterpret_cast<sockaddr*>(&bound), &length) != 0)
    failSystem("no port to listen at");
  port_ = ntohs(bound.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(bound).sin6_port
                                            : reinterpret_cast<sockaddr_in&>(bound).sin_port);
}

Ring::Ring(int rank, int count, const RingListener& listener, const std::string& host, uint16_t port, uint64_t token,
           std::chrono::milliseconds timeout)
    : rank_(rank), count_(count), timeout_(timeout) {
  const auto deadline = Clock::now() + std::min(timeout, timeToConnect);
  next_ = connectTo(host, port, deadline);
  const Greeting greeting{token, rank};
  if (send(next_.file(), &greeting, sizeof greeting, withoutSignal) != sizeof greeting) failSystem("greeting");
  before_ = acceptFrom(listener.file(), {token, (rank + count - 1) % count}, deadline);
}

/** Sends to the next member and receives from the one before at once, so that no two wait for each other. */
void Ring::exchange(const void* sent, size_t sentBytes, void* received, size_t receivedBytes) {
  auto* from = static_cast<const char*>(sent);
  auto* to = static_cast<char*>(received);
  while (sentBytes > 0 || receivedBytes > 0) {
    pollfd files[2] = {{sentBytes > 0 ? next_.file() : -1, POLLOUT, 0},
                       {receivedBytes > 0 ? before_.file() : -1, POLLIN, 0}};
    if (!waitFor(files, 2, Clock::now() + timeout_)) fail("nothing was sent or received any more");
    if (files[0].revents != 0) {
      const ssize_t done = send(next_.file(), from, sentBytes, withoutSignal);
      if (done < 0 && errno != EAGAIN && errno != EINTR) failSystem("the next replica is gone");
      if (done > 0) from += done, sentBytes -= static_cast<size_t>(done);
    }
    if (files[1].revents != 0) {
      const ssize_t done = recv(before_.file(), to, receivedBytes, 0);
      if (done == 0) fail("the replica before closed its connection");
      if (done < 0 && errno != EAGAIN && errno != EINTR) failSystem("the replica before is gone");
      if (done > 0) to += done, receivedBytes -= static_cast<size_t>(done);
    }
  }
}

/** Checks with both neighbours that all call the same function for as many bytes. */
void Ring::agree(Kind kind, uint64_t bytes) {
  struct Header {
    uint32_t kind, zero;
    uint64_t bytes;
  };
  const Header own{static_cast<uint32_t>(kind), 0, bytes};
  Header other{};
  exchange(&own, sizeof own, &other, sizeof other);
  if (other.kind != own.kind || other.bytes != own.bytes)
    fail("out of step: " + std::to_string(other.bytes) + " bytes from the replica before, expected " +
         std::to_string(bytes));
}

template <typename Number>
void Ring::sum(Number* data, size_t count) {
  agree(Kind::sum, sizeof(Number) * count);
  const auto members = static_cast<size_t>(count_);
  const auto place = [&](int part) { return count * (static_cast<size_t>(part + 2 * count_) % members) / members; };
  const auto length = [&](int part) {
    const size_t index = static_cast<size_t>(part + 2 * count_) % members;
    return count * (index + 1) / members - count * index / members;
  };
  scratch_.resize(sizeof(Number) * (count / members + 1));
  auto* const other = reinterpret_cast<Number*>(scratch_.data());
  for (int step = 0; step < count_ - 1; ++step) {  // afterwards part rank + 1 is complete here
    const int sent = rank_ - step, received = sent - 1;
    exchange(data + place(sent), sizeof(Number) * length(sent), other, sizeof(Number) * length(received));
    Number* const sums = data + place(received);
    for (size_t index = 0; index < length(received); ++index) sums[index] += other[index];
  }
  for (int step = 0; step < count_ - 1; ++step) {
    const int sent = rank_ + 1 - step, received = sent - 1;
    exchange(data + place(sent), sizeof(Number) * length(sent), data + place(received),
             sizeof(Number) * length(received));
  }
}

void Ring::broadcast(void* data, size_t bytes, int root) {
  agree(Kind::broadcast, bytes);
  const bool receives = rank_ != root, sends = (rank_ + 1) % count_ != root;
  auto* const start = static_cast<char*>(data);
  size_t ready = receives ? 0 : bytes;  // what can be passed on
  for (size_t passed = 0, got = ready; (sends && passed < bytes) || got < bytes; ready = got) {
    const size_t out = sends ? std::min(piece, ready - passed) : 0;
    const size_t in = std::min(piece, bytes - got);
    exchange(start + passed, out, start + got, in);
    passed += out, got += in;
  }
}

template void Ring::sum(float*, size_t);
template void Ring::sum(double*, size_t);
template void Ring::sum(int64_t*, size_t);

}  // namespace nasnet::replicas
