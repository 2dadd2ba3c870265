/** A driver process of many clients, as the harness sees it. */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { waitFor } from '../../test/support/wait-for.ts';

export type CrowdKind = 'idle' | 'body' | 'stream' | 'slow';

export interface CrowdCount {
  connected: number;
  waiting: number;
  open: number;
  closed: number;
  refused: number;
  brokeOff: number;
  bytes: number;
  answered: Record<string, number>;
}

export interface CrowdOptions {
  url: string;
  key: string;
  count: number;
  bodyBytes: number;
}

export class Crowd {
  readonly #child: ChildProcess;
  #count: CrowdCount | null = null;

  constructor(kind: CrowdKind, { url, key, count, bodyBytes }: CrowdOptions) {
    const file = fileURLToPath(new URL('driver.ts', import.meta.url));
    const args = ['--disable-warning=ExperimentalWarning', file, kind, url, key, String(count), String(bodyBytes)];
    this.#child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    let text = '';
    this.#child.stdout!.on('data', (chunk: Buffer) => {
      const lines = (text + chunk.toString('utf8')).split('\n');
      text = lines.pop() ?? '';
      const last = lines.at(-1);
      if (last !== undefined) this.#count = JSON.parse(last);
    });
  }

  /** As of some tenths of a second ago. */
  get count(): CrowdCount {
    if (this.#count === null) throw new Error('the driver has not counted yet');
    return this.#count;
  }

  /** Waits until no client waits any more, or the bound; the count then. */
  async arrived(boundMs: number): Promise<CrowdCount> {
    await waitFor('clients to be answered', () => this.#count?.waiting === 0, { boundMs, everyMs: 50 }).catch(() => {});
    return this.count;
  }

  async end(): Promise<void> {
    const exited = new Promise<void>((resolve) => this.#child.once('exit', () => resolve()));
    if (this.#child.exitCode !== null) return;
    this.#child.stdin!.end();
    await exited;
  }
}
