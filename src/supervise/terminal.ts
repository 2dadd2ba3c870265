/**
 * The terminal that a gateway was started on, if any. Its end reaches every program on it as SIGHUP, and so does an operator's wish to
 * reload; the two are told apart by whether the terminal is still there. Supervisor process only.
 */
import { closeSync, openSync } from 'node:fs';

export class Terminal {
  readonly #had = reachable();

  /** There was one at the start and there is none any more. */
  get gone(): boolean {
    return this.#had && !reachable();
  }
}

function reachable(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r'));
    return true;
  } catch {
    return false;
  }
}
