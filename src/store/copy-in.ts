/**
 * COPY … FROM STDIN through postgres.js, made safe. Its writable, left as it is, hangs for ever when PostgreSQL refuses a row, and
 * sends a stray CopyFail after every success. So: the data goes in one write; nobody waits for `finish`, because the statement
 * that follows on the connection tells how the COPY went; and destroying the stream writes nothing.
 */
import type { Writable } from 'node:stream';
import type { SingleConnection } from './single-connection.ts';

/**
 * Resolves when everything, the end mark included, is on its way. Then send the next statement: PostgreSQL answers it with 25P02 when it
 * refused the data. Throws when the connection breaks. After any error destroy the connection.
 */
export async function copyIn(connection: SingleConnection, command: string, data: string): Promise<void> {
  const writable = await connection.sql.unsafe(command).writable();
  writable._destroy = (error, callback) => callback(error);
  const sent = endMarkSent(writable);
  writable.end(data);
  await sent;
}

function endMarkSent(writable: Writable): Promise<void> {
  return new Promise((resolve, reject) => {
    writable.on('error', reject);
    const final = writable._final;
    writable._final = (callback) => {
      final.call(writable, callback);
      resolve();
    };
  });
}
