// See window.h.
#include "window.h"

#include <numeric>

namespace nasnet::kernels {

Reach reach(const Axis& axis, int64_t remainder) {
  Reach found;
  found.apart = axis.dilation / std::gcd(axis.stride, axis.dilation);
  for (int64_t tap = axis.kernel - 1; tap >= 0; --tap) {
    const int64_t distance = remainder + axis.before - tap * axis.dilation;
    if (distance % axis.stride != 0) continue;
    if (found.taps.empty()) found.first = distance / axis.stride;
    found.taps.push_back(tap);
  }
  return found;
}

}  // namespace nasnet::kernels
