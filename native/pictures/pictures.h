// Pictures for training, decoded and changed on the calling thread, for JavaScript.
#pragma once

#include <node_api.h>

namespace nasnet {

struct Call;

/** () → the name and version of the JPEG decoder; undefined if the addon was compiled without one. */
napi_value jpegDecoderName(Call& call);

/**
 * (bytes, [left, top, width, height], size, changes, target [size, size, 3]) → whether the JPEG was shown; false if the
 * decoder found a fault. changes: [flip, colour, brightness of 255, saturation, brightness first] as numbers.
 */
napi_value showJpeg(Call& call);

/**
 * The same of RGB bytes [height, width, 3] in a file, of which only the rows of the part are read: (file descriptor,
 * offset, height, width, part, size, changes, target) → false if the file is too short.
 */
napi_value showPixels(Call& call);

/** (file descriptor, offset, length): asks the system to read this part ahead; has no effect where it cannot. */
napi_value readAhead(Call& call);

}  // namespace nasnet
