// A group of processes that train one network, each on its part of every batch: what they can do together.
#pragma once

#include <ATen/core/Tensor.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace nasnet::replicas {

/** All members call the same functions in the same order with tensors of the same size; each call blocks. */
class Group {
 public:
  virtual ~Group() = default;

  /** Whether its tensors are in the host's memory. */
  virtual bool isOnHost() const { return true; }

  /** Replaces a contiguous tensor, float32, float64 or int64, by its sum over the members: the same bits in all. */
  virtual void sum(at::Tensor& tensor) = 0;

  /** Replaces a contiguous tensor by that of member `root`. */
  virtual void broadcast(at::Tensor& tensor, int root) = 0;
};

/** Where a member listens. */
struct Address {
  std::string host;
  uint16_t port;
};

struct Membership {
  int rank;
  int count;
  std::chrono::milliseconds timeout;  // of one call, if nothing is sent or received any more
};

#ifdef NASNET_GLOO
/** Starts the store of a group in this process, the first one's, and returns its port; port 0 takes a free one. */
uint16_t openStore(const std::string& host, uint16_t port, std::chrono::milliseconds timeout);

/** libtorch's ProcessGroupGloo. `own` is the address of this machine by which the others reach it. */
std::unique_ptr<Group> openGloo(const Membership& membership, const Address& store, const std::string& own);
#endif

#ifdef NASNET_NCCL
/** Whether this libtorch was built with NCCL; if not, the other functions must not be called. */
bool hasNccl();

/** A name for a new group of GPUs, which the first member makes: bytes that all need. */
std::string ncclName();

/** NCCL between GPUs of different numbers, one a process, on this thread's stream. It does not wait for the device. */
std::unique_ptr<Group> openNccl(const Membership& membership, const std::string& name);
#endif

}  // namespace nasnet::replicas
