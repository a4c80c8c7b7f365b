// How the user calls us, for the commands that we suggest: from a checkout by path, else the installed name.

export const programName = import.meta.filename.endsWith('.ts') ? './bin/nasnet' : 'nasnet';
