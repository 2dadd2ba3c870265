/**
 * When the journal is too large to admit more work. What is already admitted must still fit below `usage.journalBytesMax`: every
 * ring full, and the segment that is being written. Between "refuse" and "admit again" lies a fifth, so that the state does not
 * flutter. The usage-writer only; fronts read the answer in `UsagePressure.refuse`.
 *
 *   0 ──────────── admit again ─────────── refuse ──────────────────────── journalBytesMax
 *                     4/5 of refuse          └─ all rings + one segment ─┘
 */
import type { UsagePressure } from './pressure.ts';

export interface JournalBoundOptions {
  journalBytesMax: number;
  segmentBytes: number;
  ringBytes: number;
  fronts: number;
}

/** Journal bytes at which work is refused: what is left of the bound without its headroom, but never less than a quarter of it. */
export function refuseAtBytes({ journalBytesMax, segmentBytes, ringBytes, fronts }: JournalBoundOptions): number {
  const headroom = ringBytes * fronts + segmentBytes;
  return Math.max(journalBytesMax - headroom, Math.floor(journalBytesMax / 4));
}

export class JournalBound {
  readonly #pressure: UsagePressure;
  readonly #refuseAt: number;
  readonly #admitAt: number;
  readonly #onChange: (refuse: boolean, journalBytes: number) => void;
  #failed = false;

  constructor(pressure: UsagePressure, refuseAt: number, onChange: (refuse: boolean, journalBytes: number) => void) {
    this.#pressure = pressure;
    this.#refuseAt = refuseAt;
    this.#admitAt = Math.floor((refuseAt * 4) / 5);
    this.#onChange = onChange;
    pressure.refuseAtBytes = refuseAt;
  }

  /** The disk takes no more (or takes again): new work is refused meanwhile whatever the size. */
  noteDisk(failed: boolean): void {
    if (this.#failed === failed) return;
    this.#failed = failed;
    this.update(this.#pressure.journalBytes);
  }

  update(journalBytes: number): void {
    const pressure = this.#pressure;
    pressure.journalBytes = journalBytes;
    const before = pressure.refuse;
    const full = journalBytes >= (before ? this.#admitAt : this.#refuseAt);
    const refuse = full || this.#failed;
    if (refuse === before) return;
    pressure.refuse = refuse;
    if (full || !this.#failed) this.#onChange(refuse, journalBytes);
  }
}
