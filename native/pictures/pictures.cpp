// See pictures.h.
#include "pictures.h"

#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include "guard.h"
#include "jpeg.h"
#include "part.h"

namespace nasnet {

namespace pictures {

JpegDecoder& jpegDecoder() {
  static JpegDecoder decoder;
  return decoder;
}

namespace {

Part readPart(Call& call, size_t index) {
  const std::vector<int64_t> sides = call.integers(index);
  if (sides.size() != 4) throw std::invalid_argument("expected a part of 4 numbers");
  const Part part{static_cast<double>(sides[0]), static_cast<double>(sides[1]), static_cast<double>(sides[2]),
                  static_cast<double>(sides[3])};
  if (part.left < 0 || part.top < 0 || part.width < 1 || part.height < 1)
    throw std::invalid_argument("expected a part within the picture");
  return part;
}

Changes readChanges(Call& call, size_t index) {
  const auto [bytes, length] = call.bytes(index);
  double values[5];
  if (length != sizeof(values)) throw std::invalid_argument("expected changes as 5 numbers");
  std::memcpy(values, bytes, sizeof(values));
  return {values[0] != 0, values[1] != 0, static_cast<float>(values[2]), static_cast<float>(values[3]), values[4] != 0};
}

/** Reads so many bytes; false if the file ends before. */
bool readWhole(int file, int64_t offset, uint8_t* bytes, size_t length) {
  while (length > 0) {
    const ssize_t read = pread(file, bytes, length, static_cast<off_t>(offset));
    if (read < 0 && errno == EINTR) continue;
    if (read < 0) throw std::runtime_error(std::string("the file could not be read: ") + std::strerror(errno));
    if (read == 0) return false;
    bytes += read;
    offset += read;
    length -= static_cast<size_t>(read);
  }
  return true;
}

/** Returns the memory for a square; its side is an argument before. */
uint8_t* readTarget(Call& call, size_t index, int64_t size) {
  const auto [bytes, length] = call.bytes(index);
  if (size < 1 || size > 1 << 14 || length != static_cast<size_t>(3 * size * size))
    throw std::invalid_argument("expected " + std::to_string(3 * size * size) + " bytes for the square, got " +
                                std::to_string(length));
  return bytes;
}

}  // namespace

}  // namespace pictures

napi_value jpegDecoderName(Call& call) {
  const char* name = pictures::jpegDecoder().name;
  return name == nullptr ? call.undefined() : call.make(std::string(name));
}

napi_value showJpeg(Call& call) {
  const auto show = pictures::jpegDecoder().show;
  if (show == nullptr) throw std::runtime_error("the addon was compiled without libjpeg-turbo");
  const auto [bytes, length] = call.bytes(0);
  const pictures::Part part = pictures::readPart(call, 1);
  const int64_t size = call.integer(2);
  uint8_t* target = pictures::readTarget(call, 4, size);
  return call.make(show(bytes, length, part, static_cast<int>(size), pictures::readChanges(call, 3), target));
}

napi_value showPixels(Call& call) {
  const auto file = static_cast<int>(call.integer(0));
  const int64_t offset = call.integer(1), height = call.integer(2), width = call.integer(3);
  pictures::Part part = pictures::readPart(call, 4);
  if (height < 1 || width < 1 || height > 1 << 20 || width > 1 << 20 ||
      part.left + part.width > static_cast<double>(width) || part.top + part.height > static_cast<double>(height))
    throw std::invalid_argument("expected a part within the picture");
  const int64_t size = call.integer(5);
  uint8_t* target = pictures::readTarget(call, 7, size);
  const int64_t stride = 3 * width;
  const auto rows = static_cast<int64_t>(part.height);
  thread_local std::vector<uint8_t> bytes;
  bytes.resize(static_cast<size_t>(rows * stride) + 16);
  const size_t length = static_cast<size_t>(rows * stride);
  if (!pictures::readWhole(file, offset + static_cast<int64_t>(part.top) * stride, bytes.data(), length))
    return call.make(false);
  part.top = 0;
  const pictures::Pixels pixels{bytes.data(), stride, 3, static_cast<int>(width), static_cast<int>(rows)};
  pictures::showPart(pixels, part, static_cast<int>(size), pictures::readChanges(call, 6), target);
  return call.make(true);
}

napi_value readAhead(Call& call) {
  const auto file = static_cast<int>(call.integer(0));
  [[maybe_unused]] const auto offset = static_cast<off_t>(call.integer(1));
  [[maybe_unused]] const auto length = static_cast<off_t>(call.integer(2));
#if defined(POSIX_FADV_WILLNEED)
  posix_fadvise(file, offset, length, POSIX_FADV_WILLNEED);
#else
  static_cast<void>(file);
#endif
  return call.undefined();
}

}  // namespace nasnet
