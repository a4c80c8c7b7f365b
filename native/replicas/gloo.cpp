// A group by libtorch's own c10d: TCPStore and ProcessGroupGloo. The file is empty unless the set-up found Gloo's
// headers for a libtorch that has Gloo (NASNET_GLOO).
#ifdef NASNET_GLOO
#define USE_C10D_GLOO

#include <netdb.h>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <stdexcept>

#include "replicas/group.h"

namespace nasnet::replicas {

namespace {

/** Refuses a host that has no address. c10d would ask for it again each second until its timeout, and say so. */
const std::string& known(const std::string& host) {
  addrinfo* found = nullptr;
  const int error = getaddrinfo(host.c_str(), nullptr, nullptr, &found);
  if (error != 0) throw std::invalid_argument(host + ": " + gai_strerror(error));
  freeaddrinfo(found);
  return host;
}

class Gloo : public Group {
 public:
  Gloo(const Membership& membership, const Address& store, const std::string& own) {
    c10d::TCPStoreOptions options;
    options.port = store.port;
    options.waitWorkers = false;
    options.timeout = membership.timeout;
    const auto shared = c10::make_intrusive<c10d::TCPStore>(known(store.host), options);
    const auto gloo = c10d::ProcessGroupGloo::Options::create(membership.timeout);
    gloo->devices = {c10d::ProcessGroupGloo::createDeviceForHostname(own)};
    gloo->threads = 1;  // one call at a time
    group_ = c10::make_intrusive<c10d::ProcessGroupGloo>(shared, membership.rank, membership.count, gloo);
  }

  void sum(at::Tensor& tensor) override {
    std::vector<at::Tensor> tensors{tensor};
    group_->allreduce(tensors, c10d::AllreduceOptions())->wait();
  }

  void broadcast(at::Tensor& tensor, int root) override {
    std::vector<at::Tensor> tensors{tensor};
    c10d::BroadcastOptions options;
    options.rootRank = root;
    group_->broadcast(tensors, options)->wait();
  }

 private:
  c10::intrusive_ptr<c10d::ProcessGroupGloo> group_;
};

}  // namespace

uint16_t openStore(const std::string& host, uint16_t port, std::chrono::milliseconds timeout) {
  c10d::TCPStoreOptions options;
  options.port = port;
  options.isServer = true;
  options.waitWorkers = false;
  options.timeout = timeout;
  // kept until the process ends: other members may still read it
  static thread_local c10::intrusive_ptr<c10d::TCPStore> store;
  store = c10::make_intrusive<c10d::TCPStore>(known(host), options);
  return store->getPort();
}

std::unique_ptr<Group> openGloo(const Membership& membership, const Address& store, const std::string& own) {
  return std::make_unique<Gloo>(membership, store, own);
}

}  // namespace nasnet::replicas

#endif  // NASNET_GLOO
