/** Bytes from a place in a file. Synchronous, like all file work of the usage-writer. */
import { closeSync, openSync, readSync } from 'node:fs';

/** Throws when the file cannot be read. Shorter than wanted only if the file is. */
export function readAt(path: string, offset: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  const fd = openSync(path, 'r');
  try {
    let got = 0;
    while (got < length) {
      const read = readSync(fd, bytes, got, length - got, offset + got);
      if (read === 0) break;
      got += read;
    }
    return bytes.subarray(0, got);
  } finally {
    closeSync(fd);
  }
}
