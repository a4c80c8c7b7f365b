// See placed.h.
#include "placed.h"

#include "kernels/loops/loops.h"

namespace nasnet::inference {

const PlacedLoops& placedLoops() {
#if defined(__x86_64__)
  if (kernels::loops().width == 16) return avx512Placed;
  if (kernels::loops().width == 8) return avx2Placed;
#endif
  return plainPlaced;
}

}  // namespace nasnet::inference
