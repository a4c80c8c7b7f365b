// Exported functions of exports.cpp: groups of processes, numbered in each of them.
#pragma once

#include "guard.h"

namespace nasnet {

/** groupTransports() → those that this addon has, as text: 'gloo,ring', with 'nccl' first */
napi_value groupTransports(Call& call);

/** listenForRing() → the port at which this process waits for the member before it */
napi_value listenForRing(Call& call);

/** openRing(rank, count, nextHost, nextPort, token, milliseconds) → group, after listenForRing */
napi_value openRing(Call& call);

/** openStore(host, milliseconds) → port of the store that a Gloo group of this process and others needs */
napi_value openStore(Call& call);

/** openGloo(rank, count, storeHost, storePort, ownHost, milliseconds) → group */
napi_value openGloo(Call& call);

/** ncclName() → the name of a new NCCL group, in hexadecimal */
napi_value ncclName(Call& call);

/** openNccl(rank, count, name, milliseconds) → group */
napi_value openNccl(Call& call);

/** sumOver(group, tensor): replaces a contiguous tensor by its sum over the members */
napi_value sumOver(Call& call);

/** broadcastFrom(group, tensor, root): replaces a contiguous tensor by that of member `root` */
napi_value broadcastFrom(Call& call);

/** endProcess(code, sentence): ends the process at once, from any thread of it, with the sentence on stderr */
napi_value endProcess(Call& call);

}  // namespace nasnet
