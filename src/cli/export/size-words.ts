// The size of an exported file in words.

/** Formats bytes: "546.5 kB", "21.3 MB". */
export const sizeWords = (bytes: number): string =>
  bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
