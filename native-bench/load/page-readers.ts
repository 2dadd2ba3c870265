/**
 * Operators that turn the pages of the usage listing, each page behind the one before, and how long pages took. Through the control
 * port, as the command does. Runs in the process that starts it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ControlPort, UsageReport } from '../rig/control-port.ts';

export interface PageKind {
  kind: string;
  query: string;
  rows: number;
}

export interface PageTimes {
  kind: string;
  pages: number;
  failed: number;
  p50: number;
  p99: number;
}

/** As the command shows them, and longer ones; totals are on each page. */
const KINDS: readonly PageKind[] = [
  { kind: 'pages of 20 rows', query: '?limit=20', rows: 20 },
  { kind: 'pages of 100 rows', query: '?limit=100', rows: 100 },
];

/** A reader asks so often, or at once when its page took longer. */
const PACE_MS = 250;
/** Pages that a reader turns before it begins anew. */
const DEPTH = 20;

export class PageReaders {
  static readonly kinds = KINDS;
  readonly #port: ControlPort;
  readonly #times = new Map<string, number[]>(KINDS.map(({ kind }) => [kind, []]));
  readonly #failed = new Map<string, number>();
  readonly #done: Promise<unknown>;
  #stopped = false;

  constructor(port: ControlPort, readers: number) {
    this.#port = port;
    this.#done = Promise.all(Array.from({ length: readers }, (_, i) => this.#read(KINDS[i % KINDS.length]!)));
  }

  /** The query of the page behind this one; of the first page again after so many. */
  static next({ query }: PageKind, page: UsageReport, pages: number): string {
    const last = page.rows.at(-1)?.requestId;
    return last === undefined || pages % DEPTH === 0 ? query : `${query}&before=${last}`;
  }

  async stop(): Promise<PageTimes[]> {
    this.#stopped = true;
    await this.#done;
    return KINDS.map(({ kind }) => {
      const sorted = this.#times.get(kind)!.sort((a, b) => a - b);
      const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
      return { kind, pages: sorted.length, failed: this.#failed.get(kind) ?? 0, p50: at(0.5), p99: at(0.99) };
    });
  }

  async #read(kindOf: PageKind): Promise<void> {
    const { kind, query } = kindOf;
    let pages = 0;
    for (let next = query; !this.#stopped; ) {
      const startMs = performance.now();
      try {
        next = PageReaders.next(kindOf, await this.#port.usage(next), ++pages);
        this.#times.get(kind)!.push(performance.now() - startMs);
      } catch {
        this.#failed.set(kind, (this.#failed.get(kind) ?? 0) + 1);
      }
      await sleep(Math.max(0, startMs + PACE_MS - performance.now()));
    }
  }
}
