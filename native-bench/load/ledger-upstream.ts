/** An upstream with a ledger, as a scenario holds it; the process behind it is `ledger-mock.ts`. */
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import type { Served } from '../../test/support/upstream.ts';
import { within } from '../../test/support/wait-for.ts';
import { type PortChild, startFile, stopChild } from '../rig/child.ts';

const LEDGER_BOUND_MS = 30_000;

export class LedgerUpstream {
  readonly #child: PortChild;
  readonly #lines: Interface;

  private constructor(child: PortChild) {
    this.#child = child;
    this.#lines = createInterface({ input: child.child.stdout! });
  }

  static async start(): Promise<LedgerUpstream> {
    return new LedgerUpstream(await startFile('load/ledger-mock.ts', []));
  }

  get url(): string {
    return this.#child.url;
  }

  /** Every answer that has ended so far. */
  async ledger(): Promise<Served[]> {
    const line = once(this.#lines, 'line');
    this.#child.child.stdin!.write('ledger\n');
    const [text] = await within('the ledger', LEDGER_BOUND_MS, line);
    return JSON.parse(String(text));
  }

  stop(): Promise<void> {
    this.#lines.close();
    return stopChild(this.#child.child);
  }
}
