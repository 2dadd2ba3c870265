/**
 * COPY … FROM STDIN through postgres.js, made safe. Its writable, left as it is, hangs for ever when PostgreSQL refuses a row, loses
 * the reason, and sends a stray CopyFail after every success. So: the data goes in one write; nobody waits for `finish`, because
 * the statement that follows on the connection tells how the COPY went; what postgres.js would tell a query that it has already
 * answered is caught; and destroying the stream writes nothing.
 */
import type { Writable } from 'node:stream';
import type { SingleConnection } from './single-connection.ts';

/** What PostgreSQL said to a COPY, known by the time that the next statement is answered. */
export interface CopyOutcome {
  /** Null when it took the data. */
  refusal: Error | null;
}

/**
 * Resolves when everything, the end mark included, is on its way. Then send the next statement: if it fails with 25P02, `refusal` says
 * why. Throws when the connection breaks. After any error destroy the connection.
 */
export async function copyIn(
  connection: SingleConnection,
  command: string,
  data: string | Buffer,
): Promise<CopyOutcome> {
  const outcome: CopyOutcome = { refusal: null };
  const query = connection.sql.unsafe(command);
  const writable = await query.writable();
  // The query was answered with the writable: a later error of the server goes nowhere else.
  Object.assign(query, {
    reject: (error: Error) => {
      outcome.refusal = error;
    },
  });
  writable._destroy = (error, callback) => callback(error);
  const sent = endMarkSent(writable);
  writable.end(data);
  await sent;
  return outcome;
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
