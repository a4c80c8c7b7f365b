// A group of GPUs by NCCL, through the functions that libtorch's own library exports: NCCL's headers are not needed.
// The file is empty unless the set-up found a libtorch with them and CUDA's headers (NASNET_NCCL).
#ifdef NASNET_NCCL

#include <ATen/cuda/CUDAContext.h>
#include <dlfcn.h>
#include <torch/csrc/cuda/nccl.h>

#include <cstring>
#include <stdexcept>

#include "replicas/group.h"

namespace nasnet::replicas {

namespace {

namespace nccl = torch::cuda::nccl;

class Nccl : public Group {
 public:
  Nccl(const Membership& membership, const nccl::ncclUniqueId& name)
      : rank_(membership.rank), communicator_(nccl::comm_init_rank(membership.count, name, membership.rank)) {}

  bool isOnHost() const override { return false; }

  void sum(at::Tensor& tensor) override {
    std::vector<at::Tensor> tensors{tensor};
    nccl::all_reduce(tensors, tensors, static_cast<int32_t>(nccl::ncclRedOp::Sum), stream(), {communicator_});
  }

  /** By a sum in which the others have 0: libtorch's own broadcast is for several GPUs of one process. */
  void broadcast(at::Tensor& tensor, int root) override {
    if (rank_ != root) tensor.zero_();
    sum(tensor);
  }

 private:
  static nccl::stream_list stream() { return {at::cuda::getCurrentCUDAStream()}; }

  int rank_;
  nccl::ncclComm_t communicator_;
};

}  // namespace

bool hasNccl() { return dlsym(RTLD_DEFAULT, "_ZN5torch4cuda4nccl14comm_init_rankEiRKNS1_12ncclUniqueIdEi") != nullptr; }

std::string ncclName() {
  nccl::ncclUniqueId name;
  nccl::get_unique_id(name);
  return std::string(name.internal, sizeof name.internal);
}

std::unique_ptr<Group> openNccl(const Membership& membership, const std::string& name) {
  nccl::ncclUniqueId id;
  if (name.size() != sizeof id.internal) throw std::invalid_argument("expected a name of NCCL's");
  std::memcpy(id.internal, name.data(), name.size());
  return std::make_unique<Nccl>(membership, id);
}

}  // namespace nasnet::replicas

#endif  // NASNET_NCCL
