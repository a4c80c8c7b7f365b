// The part of the set-up's JavaScript that `npm run build` imports without reading it (tsconfig.build.json). `npm run
// types` reads the JavaScript itself.

declare module '*/doctor/doctor.mjs' {
  export function doctor(options: { json?: boolean }): number;
}

declare module '*/scripts/setup.mjs' {
  export function setUp(options?: { addon?: boolean; report?: unknown; node?: string }): Promise<string>;
}

declare module '*/setup/addon.mjs' {
  export function currentAddon(): object | undefined;
  export function findAddon(): string | undefined;
}

declare module '*/setup/step.mjs' {
  export class Report {
    constructor(options?: { write?: (text: string) => void; quiet?: boolean });
  }
  export class SetupFailure extends Error {
    describe(): string;
  }
}

declare module '*/scripts/page.mjs' {
  export function bundlePage(
    folder: string,
    entry: 'main' | 'viewer' | 'report',
  ): Promise<{ script: string; style: string }>;
}
