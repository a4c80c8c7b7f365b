// Exported functions of operators.cpp.
#pragma once

#include "guard.h"

namespace nasnet {

/**
 * kinds() → { tensor, tensorList, optionalTensorList, generator }: the values of `kind` for arguments that JavaScript
 * unwraps
 */
napi_value kinds(Call& call);

/** schema(name, overload) → { id, name, arguments: [{ name, kind, optional }], results: [{ kind, writes }] } */
napi_value schema(Call& call);

/** call(id, ...arguments) → one result, an array of several, or undefined */
napi_value callOperator(Call& call);

}  // namespace nasnet
