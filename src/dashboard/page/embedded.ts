// Compressed bytes that a page of one file carries in an element.

/** Returns the bytes of the element with this id. */
export async function embedded(id: string): Promise<Uint8Array<ArrayBuffer>> {
  const text = document.getElementById(id)!.textContent ?? '';
  const compressed = Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
  return unpacked(compressed);
}

export async function unpacked(compressed: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([compressed]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
