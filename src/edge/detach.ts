/**
 * Gives a buffer's memory back to the allocator now, whoever still holds a reference to it: those see an empty buffer from then on.
 * Only for buffers with memory of their own (`Buffer.allocUnsafeSlow`, `new Uint8Array`), and never while a write from one is
 * pending: the socket holds a bare pointer. Any thread.
 */

/** Below this the bytes may live on the JavaScript heap, and freeing them early gains nothing. */
const BYTES_MIN = 4096;

export function detach(bytes: Uint8Array): void {
  if (bytes.buffer.byteLength < BYTES_MIN) return;
  (bytes.buffer as ArrayBuffer).transfer(0);
}
