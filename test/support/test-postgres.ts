/**
 * A PostgreSQL of the test's own, for what a test wants to do to one: stop it, start it again on the same port, freeze it. And the
 * address of the one that a gateway embeds, for tests that look at its tables and statistics.
 */
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { type DatabasePool, openDatabase } from '#store/database.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '#supervise/embedded-postgres.ts';
import { DATABASE_USER } from '#supervise/init-cluster.ts';
import { pausePostgres, resumePostgres } from './postgres-pause.ts';

const SILENT = { info: () => {}, warn: () => {}, error: () => {} };

export class TestPostgres {
  readonly #dataDir: string;
  readonly #settings: Readonly<Record<string, string>>;
  #server: EmbeddedPostgres | null = null;

  private constructor(dataDir: string, settings: Readonly<Record<string, string>>) {
    this.#dataDir = dataDir;
    this.#settings = settings;
  }

  /** `settings`: server settings instead of the product's. */
  static async start(settings: Readonly<Record<string, string>> = {}): Promise<TestPostgres> {
    const dataDir = mkdtempSync(join(tmpdir(), 'penstock-postgres-'));
    chmodSync(dataDir, 0o755); // PostgreSQL has its own user when the tests run as root
    const database = new TestPostgres(dataDir, settings);
    await database.start();
    return database;
  }

  get url(): string {
    if (this.#server === null) throw new Error('the test PostgreSQL is stopped');
    return this.#server.url;
  }

  /** Starts it, first or again; the port stays the same. */
  async start(): Promise<void> {
    this.#server = await startEmbeddedPostgres({
      dataDir: this.#dataDir,
      log: SILENT,
      settings: this.#settings,
    });
  }

  async stop(): Promise<void> {
    await this.#server?.stop();
    this.#server = null;
  }

  /** Freezes it: connections stay open and nothing answers. Returns what thaws it. */
  freeze(): () => void {
    const pids = pausePostgres(this.#dataDir);
    return () => resumePostgres(pids);
  }

  /** `kill -9` of the postmaster; its children end by themselves. */
  async crash(): Promise<void> {
    const server = this.#server;
    if (server === null) return;
    process.kill(server.pid, 'SIGKILL');
    await server.exited;
    this.#server = null;
  }

  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.#dataDir, { recursive: true, force: true, maxRetries: 5 });
  }
}

export type Sql = ReturnType<typeof postgres>;

/** One connection; end it with `sql.end()`. */
export function connectSql(url: string): Sql {
  return postgres(url, { max: 1, onnotice: () => {}, connect_timeout: 5 });
}

/** One connection for the product's own statements and for some that take long; end it with `db.end()`. */
export function connectDatabase(url: string): DatabasePool {
  return openDatabase(url, {
    connections: 1,
    statementTimeoutMs: 3_600_000,
    connectTimeoutMs: 5_000,
    applicationName: 'penstock test',
  });
}

/** A connection to the PostgreSQL that a gateway embeds. */
export function connectEmbedded(dataDir: string): Sql {
  const { port, password } = JSON.parse(readFileSync(join(dataDir, 'postgres.json'), 'utf8'));
  return connectSql(`postgres://${DATABASE_USER}:${password}@127.0.0.1:${port}/postgres`);
}
