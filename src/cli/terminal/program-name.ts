// The program's name in suggested commands: its path in a checkout, else the installed name.

export const programName = import.meta.filename.endsWith('.ts') ? './bin/nasnet' : 'nasnet';
