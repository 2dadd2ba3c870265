/**
 * `poison.jsonl` in the journal folder: what could not become a row, kept for a person. One JSON object a line:
 * {at, journalId, segment, offset, reason, payload (base64), record (when it decodes)}. Written and synced before the queue moves
 * past it, so after a crash a line may be there twice. The usage-writer only.
 */
import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { decodeRecord } from './record-codec.ts';

export interface PoisonRecord {
  journalId: string;
  segment: number;
  /** Byte offset of the frame in its segment. */
  offset: number;
  reason: string;
  payload: Buffer;
}

export function poisonPath(journalDir: string): string {
  return join(journalDir, 'poison.jsonl');
}

export function setAside(journalDir: string, poison: PoisonRecord): void {
  const { payload, ...rest } = poison;
  const line = {
    at: new Date().toISOString(),
    ...rest,
    payload: payload.toString('base64'),
    record: readable(payload),
  };
  const fd = openSync(poisonPath(journalDir), 'a', 0o600);
  try {
    const json = JSON.stringify(line, (_, value) => (typeof value === 'bigint' ? String(value) : value));
    writeSync(fd, `${json}\n`);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function readable(payload: Buffer): unknown {
  try {
    return decodeRecord(payload);
  } catch {
    return null;
  }
}
