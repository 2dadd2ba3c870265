/** A data folder that a scenario fills before a gateway starts on it: made, and removed after the gateway has ended. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

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

  remove(): void {
    rmSync(this.#parent, { recursive: true, force: true, maxRetries: 5 });
  }
}
