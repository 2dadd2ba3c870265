/** The process of many streams, as a scenario sees it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { stopChild } from '../rig/child.ts';
import { pin } from '../rig/pinning.ts';
import type { ManyStreamsOptions, OpenStreams, StreamsMeasured } from './many-streams.ts';

const OPEN_BOUND_MS = 120_000;
const GRACE_MS = 10_000;

export class StreamCrowd {
  readonly #child: ChildProcess;
  #onLine: (line: string) => void = () => {};

  constructor(options: ManyStreamsOptions) {
    const file = fileURLToPath(new URL('many-streams.ts', import.meta.url));
    const args = ['--disable-warning=ExperimentalWarning', file, JSON.stringify(options)];
    this.#child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    if (this.#child.pid !== undefined) pin(this.#child.pid, 'others');
    createInterface({ input: this.#child.stdout! }).on('line', (line) => this.#onLine(line));
  }

  open(many: number): Promise<OpenStreams> {
    return this.#ask({ open: many }, OPEN_BOUND_MS);
  }

  measure(seconds: number): Promise<StreamsMeasured> {
    return this.#ask({ measure: seconds }, seconds * 1_000 + GRACE_MS);
  }

  stop(): Promise<void> {
    return stopChild(this.#child);
  }

  async #ask<T>(what: object, boundMs: number): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<T>((resolve, reject) => {
        timer = setTimeout(() => reject(new Error(`no answer to ${JSON.stringify(what)}`)), boundMs);
        this.#child.once('exit', (code) => reject(new Error(`the driver of streams ended with ${code}`)));
        this.#onLine = (line) => resolve(JSON.parse(line));
        this.#child.stdin!.write(`${JSON.stringify(what)}\n`);
      });
    } finally {
      clearTimeout(timer);
    }
  }
}
