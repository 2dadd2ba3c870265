/** What `runtime-probe.ts` wrote of the threads of contenders: started before them, read while they run. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withNodeOptions } from './node-options.ts';

/** Of all threads of some processes: pauses of collectors so far, and the worst of the last second's loop delays. */
export interface RuntimeFigures {
  gcMs: number;
  loopP99Ms: number;
}

export class RuntimeProbe {
  readonly #folder = mkdtempSync(join(tmpdir(), 'bench-probe-'));

  /** Node programs that `start` starts carry the probe. */
  async over<T>(start: () => Promise<T>): Promise<T> {
    const preload = `--import=${new URL('runtime-probe.ts', import.meta.url).href} --disable-warning=ExperimentalWarning`;
    process.env['BENCH_PROBE'] = this.#folder;
    try {
      return await withNodeOptions(preload, start);
    } finally {
      delete process.env['BENCH_PROBE'];
    }
  }

  /** Null: none of these processes carries the probe. */
  read(pids: readonly number[]): RuntimeFigures | null {
    const names = readdirSync(this.#folder).filter((name) => pids.includes(Number(name.split('-')[0])));
    if (names.length === 0) return null;
    const all = names.map((name) => JSON.parse(readFileSync(join(this.#folder, name), 'utf8')) as RuntimeFigures);
    return {
      gcMs: all.reduce((sum, { gcMs }) => sum + gcMs, 0),
      loopP99Ms: Math.max(...all.map(({ loopP99Ms }) => loopP99Ms)),
    };
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
