// Imported first by the package's doors, for what it does: from here on the process counts as somebody else's.

import { beGuest } from '../engine/host-process.ts';

beGuest();
