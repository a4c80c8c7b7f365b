// Tensors from and to JavaScript memory and files, their properties and their release.
#include "tensors.h"

#include <ATen/Functions.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "arguments.h"
#include "names.h"

namespace nasnet {

namespace {

int64_t elementCount(const std::vector<int64_t>& shape) {
  int64_t count = 1;
  for (const int64_t size : shape) {
    if (size < 0 || (size > 0 && count > INT64_MAX / 16 / size))
      throw std::invalid_argument("a shape of impossible size");
    count *= size;
  }
  return count;
}

struct File {
  int descriptor;
  explicit File(const std::string& path) : descriptor(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (descriptor < 0) throw std::runtime_error("cannot open " + path + ": " + std::strerror(errno));
  }
  ~File() { close(descriptor); }
};

}  // namespace

napi_value fromBytes(Call& call) {
  const auto [data, size] = call.bytes(0);
  const at::ScalarType type = dtypeOf(call.text(1));
  const std::vector<int64_t> sizes = call.integers(2);
  const int64_t expected = elementCount(sizes) * static_cast<int64_t>(c10::elementSize(type));
  if (static_cast<int64_t>(size) != expected) {
    throw std::invalid_argument("expected " + std::to_string(expected) + " bytes, got " + std::to_string(size));
  }
  at::Tensor tensor = at::empty(sizes, at::TensorOptions().dtype(type));
  if (size > 0) std::memcpy(tensor.data_ptr(), data, size);
  return call.handle(std::move(tensor));
}

napi_value toBytes(Call& call) {
  const at::Tensor plain = call.tensor(0).detach().cpu().contiguous();
  const auto [data, size] = call.bytes(1);
  if (size != plain.nbytes())
    throw std::invalid_argument("expected an array of " + std::to_string(plain.nbytes()) + " bytes");
  if (size > 0) std::memcpy(data, plain.data_ptr(), size);
  return call.undefined();
}

napi_value mapFile(Call& call) {
  const std::string path = call.text(0);
  const at::ScalarType type = dtypeOf(call.text(1));
  const std::vector<int64_t> sizes = call.integers(2);
  const int64_t offset = call.integer(3);
  const int64_t size = elementCount(sizes) * static_cast<int64_t>(c10::elementSize(type));
  const int64_t page = sysconf(_SC_PAGESIZE);
  if (offset < 0 || offset % static_cast<int64_t>(c10::elementSize(type)) != 0) {
    throw std::invalid_argument("byteOffset: expected a multiple of the element size");
  }
  const File file(path);
  struct stat status {};
  if (fstat(file.descriptor, &status) != 0)
    throw std::runtime_error("cannot read " + path + ": " + std::strerror(errno));
  if (status.st_size < offset + size) {
    throw std::runtime_error(path + ": expected at least " + std::to_string(offset + size) + " bytes, the file has " +
                             std::to_string(status.st_size));
  }
  if (size == 0) return call.handle(at::empty(sizes, at::TensorOptions().dtype(type)));
  const int64_t start = offset / page * page;
  const size_t length = static_cast<size_t>(offset - start + size);
  void* mapping = mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_PRIVATE, file.descriptor, start);
  if (mapping == MAP_FAILED) throw std::runtime_error("cannot map " + path + ": " + std::strerror(errno));
  return call.handle(at::from_blob(
      static_cast<uint8_t*>(mapping) + (offset - start), sizes, [mapping, length](void*) { munmap(mapping, length); },
      at::TensorOptions().dtype(type)));
}

napi_value shape(Call& call) { return call.makeArray(call.tensor(0).sizes()); }

napi_value strides(Call& call) { return call.makeArray(call.tensor(0).strides()); }

napi_value dtype(Call& call) { return call.make(dtypeName(call.tensor(0).scalar_type())); }

napi_value device(Call& call) { return call.make(call.tensor(0).device().str()); }

napi_value release(Call& call) {
  int64_t freed = 0;
  for (const int32_t handle : call.handles(0)) freed += call.environment.tensors.release(handle);
  if (freed > 0) call.environment.report(call.env, -freed);
  return call.undefined();
}

napi_value leaveToCollector(Call& call) {
  const int64_t bytes = call.environment.tensors.leaveToCollector(call.integer(0));
  if (bytes > 0) call.environment.report(call.env, bytes);
  return call.undefined();
}

napi_value createList(Call& call) {
  return call.make(
      call.environment.lists.add(std::make_shared<c10::List<at::Tensor>>(readTensors(call, call.values[0]))));
}

napi_value releaseList(Call& call) {
  call.environment.lists.at(call.integer(0)).reset();
  return call.undefined();
}

napi_value liveTensors(Call& call) { return call.make(static_cast<double>(call.environment.tensors.live())); }

}  // namespace nasnet
