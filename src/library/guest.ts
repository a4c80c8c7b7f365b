// The package's entry points import this module first: it marks the process as one of another program.

import { beGuest } from '../engine/host-process.ts';

beGuest();
