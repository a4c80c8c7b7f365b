// A ring of processes over TCP: each sends to the next one and receives from the one before. Uses sockets and the C++
// library only, so that groups work with any libtorch.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace nasnet::replicas {

/** A file descriptor that is closed at the end. */
class Socket {
 public:
  explicit Socket(int file = -1) : file_(file) {}
  Socket(Socket&& other) noexcept : file_(std::exchange(other.file_, -1)) {}
  Socket& operator=(Socket&& other) noexcept {
    std::swap(file_, other.file_);
    return *this;
  }
  ~Socket();
  int file() const { return file_; }

 private:
  int file_;
};

/** Waits for the connection of the member before; its port is free at random. */
class RingListener {
 public:
  RingListener();
  uint16_t port() const { return port_; }
  int file() const { return socket_.file(); }

 private:
  Socket socket_;
  uint16_t port_ = 0;
};

class Ring {
 public:
  /**
   * Connects to the next member, and waits for the one before.
   * @param token the ring's, by which members know each other
   */
  Ring(int rank, int count, const RingListener& listener, const std::string& host, uint16_t port, uint64_t token,
       std::chrono::milliseconds timeout);

  /** Replaces `count` elements by their sums over the members. */
  template <typename Number>
  void sum(Number* data, size_t count);

  void broadcast(void* data, size_t bytes, int root);

 private:
  enum class Kind : uint32_t { sum = 1, broadcast = 2 };

  void agree(Kind kind, uint64_t bytes);
  void exchange(const void* sent, size_t sentBytes, void* received, size_t receivedBytes);

  int rank_, count_;
  std::chrono::milliseconds timeout_;
  Socket next_, before_;
  std::vector<uint8_t> scratch_;
};

}  // namespace nasnet::replicas
