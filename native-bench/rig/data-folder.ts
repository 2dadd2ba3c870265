/**
 * A data folder that a scenario chooses for the gateway, so that it can look at what lies there and ask the control port: metrics, usage,
 * flush. Made before the gateway starts, removed after it has ended.
 */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readSecrets } from '../../src/control/secrets-file.ts';
import { readMetrics } from '../../test/support/metrics.ts';

export interface UsageReport {
  requests: number;
  inputTokens: number;
  outputTokens: number;
  chargedNanoUsd: string;
  rows: object[];
}

interface Ready {
  control: string;
  gatewayPid: number;
}

export class DataFolder {
  /** What `data` of the configuration is to be. */
  readonly path: string;
  readonly #parent: string;

  constructor() {
    this.#parent = mkdtempSync(join(tmpdir(), 'bench-data-'));
    chmodSync(this.#parent, 0o755); // PostgreSQL has its own user when this runs as root
    this.path = join(this.#parent, 'data');
    mkdirSync(this.path);
  }

  /** Of the gateway that serves from this folder now. */
  get ready(): Ready {
    return JSON.parse(readFileSync(join(this.path, 'ready'), 'utf8'));
  }

  metrics(): Promise<Map<string, number>> {
    return readMetrics(this.ready.control);
  }

  /** A page of the usage listing; `query` begins with a question mark. */
  async usage<T = UsageReport>(query: string): Promise<T> {
    return (await this.#admin('GET', `/usage${query}`)) as T;
  }

  /** Resolves once every record made before is in PostgreSQL; throws while it is away. */
  async flush(): Promise<void> {
    await this.#admin('POST', '/flush');
  }

  remove(): void {
    rmSync(this.#parent, { recursive: true, force: true, maxRetries: 5 });
  }

  async #admin(method: string, path: string): Promise<unknown> {
    const token = readSecrets(this.path).adminToken;
    const response = await fetch(`${this.ready.control}/admin/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${token}` },
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text.slice(0, 200)}`);
    return JSON.parse(text);
  }
}
