/** The control port of a gateway, as a scenario asks it: metrics, usage pages, flush. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readSecrets } from '../../src/control/secrets-file.ts';
import { readMetrics } from '../../test/support/metrics.ts';
import { waitFor } from '../../test/support/wait-for.ts';

export interface UsageReport {
  requests: number;
  inputTokens: number;
  outputTokens: number;
  chargedNanoUsd: string;
  rows: { requestId: string }[];
}

const FLUSH_BOUND_MS = 60_000;

export class ControlPort {
  readonly #url: string;
  readonly #dataDir: string;

  constructor(url: string, dataDir: string) {
    this.#url = url;
    this.#dataDir = dataDir;
  }

  metrics(): Promise<Map<string, number>> {
    return readMetrics(this.#url);
  }

  /** A page of the usage listing; `query` begins with a question mark. */
  async usage(query: string): Promise<UsageReport> {
    return (await this.#ask('GET', `/usage${query}`)) as UsageReport;
  }

  /** Resolves once every record made before is in PostgreSQL, which may be away for a while: to how long that took. */
  async flushed(): Promise<number> {
    const startMs = performance.now();
    const flush = (): Promise<boolean> =>
      this.#ask('POST', '/flush').then(
        () => true,
        () => false,
      );
    await waitFor('the records to be in PostgreSQL', flush, { boundMs: FLUSH_BOUND_MS });
    return performance.now() - startMs;
  }

  /** The process that serves now: another one when the supervisor had to replace it. */
  get gatewayPid(): number {
    return JSON.parse(readFileSync(join(this.#dataDir, 'ready'), 'utf8')).gatewayPid;
  }

  async #ask(method: string, path: string): Promise<unknown> {
    const token = readSecrets(this.#dataDir).adminToken;
    const headers = { authorization: `Bearer ${token}` };
    const response = await fetch(`${this.#url}/admin/v1${path}`, { method, headers });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text.slice(0, 200)}`);
    return JSON.parse(text);
  }
}
