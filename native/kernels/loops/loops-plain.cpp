// The loops for any processor.
#include "plain.h"

#include "loops.h"

#define NASNET_LOOPS plainLoops
#define NASNET_NAME "plain"
#include "loops-table.h"
