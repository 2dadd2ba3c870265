/**
 * Operators that read the usage listing without pause, each page behind the one before, and how long pages took. Through the control
 * port, as the command and the console do. Runs in the process that starts it.
 */
import type { DataFolder } from '../rig/data-folder.ts';

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

/** Newest rows as the command shows them, and a page of a console. */
const KINDS: readonly PageKind[] = [
  { kind: 'newest 20 with totals', query: '?limit=20', rows: 20 },
  { kind: '1,000 rows with totals', query: '?limit=1000', rows: 1_000 },
];

export class PageReaders {
  static readonly kinds = KINDS;
  readonly #folder: DataFolder;
  readonly #times = new Map<string, number[]>(KINDS.map(({ kind }) => [kind, []]));
  readonly #failed = new Map<string, number>();
  readonly #done: Promise<unknown>;
  #stopped = false;

  constructor(folder: DataFolder, readers: number) {
    this.#folder = folder;
    this.#done = Promise.all(Array.from({ length: readers }, (_, i) => this.#read(KINDS[i % KINDS.length]!)));
  }

  /** The query of the page behind this one. */
  static next(query: string, _page: object): string {
    return query;
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

  async #read({ kind, query }: PageKind): Promise<void> {
    for (let next = query; !this.#stopped; ) {
      const startMs = performance.now();
      try {
        next = PageReaders.next(query, await this.#folder.usage(next));
        this.#times.get(kind)!.push(performance.now() - startMs);
      } catch {
        this.#failed.set(kind, (this.#failed.get(kind) ?? 0) + 1);
      }
    }
  }
}
