/**
 * Which branches of our own sources ran since it was asked last, by V8's precise coverage: what a fuzzer steers by. A branch counts
 * anew when it ran many times more often than before, so that loops are explored too.
 */
import { type Profiler, Session } from 'node:inspector/promises';

export class Coverage {
  readonly #session = new Session();
  readonly #files: RegExp;
  readonly #seen = new Set<string>();

  readonly #counted: boolean;

  /** `files`: URLs of the sources that matter. `counted`: how often a branch ran matters too. */
  constructor(files: RegExp, counted = true) {
    this.#files = files;
    this.#counted = counted;
  }

  /** How many branches have been seen. */
  get size(): number {
    return this.#seen.size;
  }

  async start(): Promise<void> {
    this.#session.connect();
    await this.#session.post('Profiler.enable');
    await this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  async stop(): Promise<void> {
    await this.#session.post('Profiler.stopPreciseCoverage');
    this.#session.disconnect();
  }

  /** Whether anything ran since the last call that never ran before; it is remembered if `keep`. */
  async isNew(keep: boolean): Promise<boolean> {
    const { result } = await this.#session.post('Profiler.takePreciseCoverage');
    let isNew = false;
    for (const script of result) if (this.#files.test(script.url)) isNew = this.#look(script, keep) || isNew;
    return isNew;
  }

  #look(script: Profiler.ScriptCoverage, keep: boolean): boolean {
    let isNew = false;
    for (const { functionName, ranges } of script.functions) {
      for (const { startOffset, endOffset, count } of ranges) {
        if (count === 0) continue;
        const often = this.#counted ? Math.clz32(count) >> 1 : 0;
        const branch = `${script.scriptId} ${functionName} ${startOffset} ${endOffset} ${often}`;
        if (this.#seen.has(branch)) continue;
        isNew = true;
        if (keep) this.#seen.add(branch);
      }
    }
    return isNew;
  }
}
