// Text of files in HTML and SVG.

/** Returns the text with the characters escaped that HTML and XML give a meaning. */
export const htmlText = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
