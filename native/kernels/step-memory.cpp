// See step-memory.h.
#include "step-memory.h"

#include <ATen/EmptyTensor.h>
#include <c10/core/CPUAllocator.h>

#include <algorithm>
#include <numeric>
#include <stdexcept>
#include <utility>

#include <sys/mman.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace nasnet::kernels {

namespace {

thread_local StepMemory* memoryInUse = nullptr;

constexpr int64_t alignment = 64;  // bytes, as libtorch's
/** Steps with more memory take so long that its allocation does not count, and the C library maps it page by page. */
constexpr int64_t mostPlanned = 256 << 20;

/** Returns the bytes of whole lines with so many, and more than none. */
int64_t wholeLines(int64_t bytes) { return (bytes + alignment) / alignment * alignment; }

/** Returns a tensor at a place of a storage, in bytes. */
at::Tensor tensorAt(const c10::Storage& storage, int64_t start, at::ScalarType dtype, at::IntArrayRef sizes,
                    at::IntArrayRef strides) {
  at::Tensor tensor = at::detail::make_tensor<at::TensorImpl>(
      c10::Storage(storage), at::DispatchKeySet(at::DispatchKey::CPU), at::scalarTypeToTypeMeta(dtype));
  tensor.unsafeGetTensorImpl()->set_sizes_and_strides(sizes, strides);
  tensor.unsafeGetTensorImpl()->set_storage_offset(start / static_cast<int64_t>(tensor.itemsize()));
  return tensor;
}

/**
 * The piece of memory that the programs of a thread use in turn, mapped by itself. In the C library's heap, a piece
 * that comes and goes with every step leaves holes that something small divides, so that the next one takes new memory.
 */
class SharedPiece {
 public:
  SharedPiece() = default;
  ~SharedPiece() { unmap(); }
  SharedPiece(const SharedPiece&) = delete;
  SharedPiece& operator=(const SharedPiece&) = delete;

  /** Returns memory for a step; an empty pointer if it is in use or there is none. */
  at::DataPtr take(size_t bytes) {
    if (isUsed_ || (bytes > bytes_ && !map(bytes))) return {nullptr, at::kCPU};
    isUsed_ = true;
    return {start_, this, [](void* piece) { static_cast<SharedPiece*>(piece)->isUsed_ = false; }, at::kCPU};
  }

  void addProgram() { ++programs_; }
  void removeProgram() {
    if (--programs_ == 0 && !isUsed_) unmap();
  }

 private:
  static constexpr size_t page = 2 << 20;  // a large one

  bool map(size_t bytes) {
    unmap();
    const size_t whole = (bytes + page - 1) / page * page + page;  // some part of it begins at a page
    void* const mapped = mmap(nullptr, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) return false;
    mapped_ = mapped;
    mappedBytes_ = whole;
    start_ = reinterpret_cast<void*>((reinterpret_cast<uintptr_t>(mapped) + page - 1) / page * page);
    bytes_ = bytes;
#ifdef MADV_HUGEPAGE
    madvise(start_, whole - page, MADV_HUGEPAGE);  // without large pages this fails, which has no effect
#endif
    return true;
  }

  void unmap() {
    if (mapped_ != nullptr) munmap(mapped_, mappedBytes_);
    mapped_ = start_ = nullptr;
    mappedBytes_ = bytes_ = 0;
  }

  void *mapped_ = nullptr, *start_ = nullptr;
  size_t mappedBytes_ = 0, bytes_ = 0;
  int64_t programs_ = 0;
  bool isUsed_ = false;
};

thread_local SharedPiece sharedPiece;

/** Gives pages back that the steps before the plan left behind; otherwise the piece would come on top of them. */
void returnPages() {
#ifdef __GLIBC__
  malloc_trim(1 << 30);  // what is at the end of the heap stays: machine.cpp has asked for large pages there
#endif
}

}  // namespace

at::Tensor newGradient(const at::Tensor& parameter) {
  if (!parameter.is_non_overlapping_and_dense()) return at::empty_like(parameter);
  return at::detail::empty_strided_cpu(parameter.sizes(), parameter.strides(), parameter.scalar_type());
}

KeptGradients::KeptGradients(const std::vector<at::Tensor>& parameters) {
  int64_t bytes = 0;
  std::vector<int64_t> starts;
  for (const at::Tensor& each : parameters) {
    starts.push_back(bytes);
    bytes += wholeLines(static_cast<int64_t>(each.nbytes()));
  }
  const c10::Storage storage(c10::Storage::use_byte_size_t(), static_cast<size_t>(bytes),
                             c10::GetCPUAllocator()->allocate(static_cast<size_t>(bytes)));
  for (size_t index = 0; index < parameters.size(); ++index) {
    const at::Tensor& each = parameters[index];
    if (!each.is_non_overlapping_and_dense()) continue;
    kept_[each.unsafeGetTensorImpl()] = {
        each, tensorAt(storage, starts[index], each.scalar_type(), each.sizes(), each.strides())};
  }
}

at::Tensor KeptGradients::roomFor(const at::Tensor& parameter) const {
  const auto kept = kept_.find(parameter.unsafeGetTensorImpl());
  const bool isFree = kept != kept_.end() && kept->second.gradient.use_count() == 1 && !parameter.grad().defined();
  return isFree ? kept->second.gradient : newGradient(parameter);
}

StepMemory::Use::Use(StepMemory* memory)
    : outer_(std::exchange(memoryInUse, memory)),
      outerScratch_(Scratch::use(memory == nullptr || memory->state_ == unplanned ? nullptr : &memory->scratch_)) {}
StepMemory::Use::~Use() {
  memoryInUse = outer_;
  Scratch::use(outerScratch_);
}
StepMemory* StepMemory::current() { return memoryInUse; }

StepMemory::StepMemory(std::shared_ptr<KeptGradients> gradients) : gradients_(std::move(gradients)) {
  sharedPiece.addProgram();
}
StepMemory::~StepMemory() { sharedPiece.removeProgram(); }

void StepMemory::begin() {
  next_ = 0;
  if (state_ == unknown) notes_ = std::make_shared<Notes>();
  if (state_ != planned) return;
  at::DataPtr piece = sharedPiece.take(storage_.nbytes());
  if (!piece) piece = c10::GetCPUAllocator()->allocate(storage_.nbytes());  // with libtorch's error if there is none
  storage_.set_data_ptr(std::move(piece));
  scratch_.setPiece(static_cast<char*>(storage_.data()) + bytes_, storage_.nbytes() - static_cast<size_t>(bytes_));
}

void StepMemory::end(bool isWhole) {
  if (state_ == planned) {
    scratch_.setPiece(nullptr, 0);
    storage_.set_data_ptr(c10::DataPtr(nullptr, at::kCPU));
  }
  if (state_ == unknown && isWhole) plan();
  notes_.reset();
}

at::Tensor StepMemory::make(at::IntArrayRef sizes, at::ScalarType dtype, at::MemoryFormat format) {
  if (state_ == unknown) return noted(sizes, dtype, format);
  if (state_ == unplanned) return at::detail::empty_cpu(sizes, dtype, false, format);
  const at::Tensor& made = tensors_.at(next_++);
  if (made.sizes() != sizes || made.scalar_type() != dtype)
    throw std::logic_error("a step differs from the one before");
  return made;
}

/** Returns a tensor whose end is noted. */
at::Tensor StepMemory::noted(at::IntArrayRef sizes, at::ScalarType dtype, at::MemoryFormat format) {
  at::Tensor inner = at::detail::empty_cpu(sizes, dtype, false, format);
  const size_t index = notes_->pieces.size();
  notes_->pieces.push_back({sizes.vec(), dtype, format, static_cast<int64_t>(inner.nbytes()), notes_->events++, -1});
  const auto noteEnd = [notes = notes_, index, inner](void*) mutable {
    notes->pieces[index].freed = notes->events++;
    inner.reset();
  };
  return at::from_blob(inner.data_ptr(), inner.sizes(), inner.strides(), noteEnd, inner.options());
}

/** Gives each tensor a place, the largest first: the lowest one that no other tensor has at the same time. */
void StepMemory::plan() {
  const std::vector<Piece> pieces = std::move(notes_->pieces);
  state_ = unplanned;
  if (std::any_of(pieces.begin(), pieces.end(), [](const Piece& each) { return each.freed < 0; })) return;
  std::vector<size_t> order(pieces.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t one, size_t other) { return pieces[one].bytes > pieces[other].bytes; });
  const auto room = [&](size_t index) { return wholeLines(pieces[index].bytes); };
  std::vector<int64_t> starts(pieces.size());
  std::vector<size_t> placed;  // by their starts
  for (const size_t index : order) {
    int64_t start = 0;
    for (const size_t other : placed) {
      const bool atOnce = pieces[index].made < pieces[other].freed && pieces[other].made < pieces[index].freed;
      if (!atOnce) continue;
      if (starts[other] >= start + room(index)) break;
      start = std::max(start, starts[other] + room(other));
    }
    starts[index] = start;
    bytes_ = std::max(bytes_, start + room(index));
    const auto place = std::find_if(placed.begin(), placed.end(), [&](size_t other) { return starts[other] > start; });
    placed.insert(place, index);
  }
  if (bytes_ > mostPlanned) return;
  storage_ = c10::Storage(c10::Storage::use_byte_size_t(), static_cast<size_t>(bytes_) + scratch_.most(),
                          c10::DataPtr(nullptr, at::kCPU));
  for (size_t index = 0; index < pieces.size(); ++index) {
    const auto& [sizes, dtype, format, bytes, made, freed] = pieces[index];
    const std::vector<int64_t> strides = at::empty(sizes, at::device(at::kMeta).memory_format(format)).strides().vec();
    tensors_.push_back(tensorAt(storage_, starts[index], dtype, sizes, strides));
  }
  state_ = planned;
  returnPages();
}

}  // namespace nasnet::kernels
