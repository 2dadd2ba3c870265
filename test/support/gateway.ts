/**
 * Starts a real Penstock for behaviour tests: a supervisor process with its gateway process and threads, its own data folder
 * and configuration file, three fronts that name themselves. `stop` asserts that nothing is left: no open exchange, no held
 * place, no process, no folder.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { readSecrets } from '#control/secrets-file.ts';
import { isListening } from './listening.ts';
import { readMetrics } from './metrics.ts';
import { waitFor, within } from './wait-for.ts';

const REPOSITORY = resolve(import.meta.dirname, '../..');
const NODE_ARGS = ['--disable-warning=ExperimentalWarning'];
const START_BOUND_MS = 60_000;
const STOP_BOUND_MS = 60_000;

/** Keys of the configuration tree, merged section by section over the defaults of `configOf`. */
export type ConfigPatch = Record<string, unknown>;

export interface ReadyFile {
  gateway: string;
  control: string;
  pid: number;
  gatewayPid: number;
  demoKey: string | null;
}

export interface CommandResult {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Key of the user of the standard catalog. */
export const KEY = 'sk-ps-test-0000000000000000000000000000000000000';

/** One group, one account at `upstreamUrl`, one user with plenty of everything, one key. */
export function standardCatalog(upstreamUrl: string): Record<string, object[]> {
  return {
    groups: [{ name: 'main', platform: 'anthropic', rateMultiplier: 1 }],
    accounts: [account('a1', upstreamUrl)],
    users: [{ name: 'u1', balanceUsd: 1000, concurrency: 1000 }],
    keys: [{ user: 'u1', group: 'main', key: KEY }],
  };
}

/** An account of group main; its credential is `sk-up-<name>`. */
export function account(name: string, baseUrl: string, fields: object = {}): object {
  const common = { platform: 'anthropic', type: 'apikey', concurrency: 1000, priority: 10, groups: ['main'] };
  return { name, baseUrl, apiKey: `sk-up-${name}`, ...common, ...fields };
}

function configOf(dataDir: string, patch: ConfigPatch): object {
  const config: Record<string, unknown> = {
    listen: { host: '127.0.0.1', port: 0 },
    control: { host: '127.0.0.1', port: 0 },
    data: dataDir,
    threads: { fronts: 3 },
    log: { level: 'warn' },
    // The first count of a process takes a second, and more where the cores are busy.
    tokenizer: { deadlineMs: 60_000 },
    test: { nameFront: true },
  };
  for (const [name, value] of Object.entries(patch)) {
    const before = config[name];
    const bothObjects = typeof before === 'object' && typeof value === 'object' && name !== 'catalog';
    config[name] = bothObjects ? { ...before, ...value } : value;
  }
  return config;
}

export class TestGateway {
  readonly folder: string;
  readonly configFile: string;
  ready!: ReadyFile;
  /** Standard error of supervisor and gateway: the log. */
  log = '';
  #process: ChildProcess | null = null;
  #exit: Promise<number | null> = Promise.resolve(null);
  readonly #patch: ConfigPatch;

  private constructor(patch: ConfigPatch) {
    this.#patch = patch;
    this.folder = mkdtempSync(join(tmpdir(), 'penstock-test-'));
    // PostgreSQL runs as its own user when the tests run as root, and has to reach the data folder.
    chmodSync(this.folder, 0o755);
    this.configFile = join(this.folder, 'penstock.yaml');
  }

  static async start(patch: ConfigPatch): Promise<TestGateway> {
    const gateway = new TestGateway(patch);
    try {
      await gateway.launch();
    } catch (error) {
      await gateway.#remove();
      throw error;
    }
    return gateway;
  }

  get url(): string {
    return this.ready.gateway;
  }

  get controlUrl(): string {
    return this.ready.control;
  }

  get pid(): number {
    return this.ready.pid;
  }

  get gatewayPid(): number {
    return this.ready.gatewayPid;
  }

  get dataDir(): string {
    return join(this.folder, 'data');
  }

  get #readyFile(): string {
    return join(this.folder, 'ready.json');
  }

  /** The ready file as it is now: it is written anew with each gateway process. */
  readAgain(): ReadyFile {
    this.ready = JSON.parse(readFileSync(this.#readyFile, 'utf8'));
    return this.ready;
  }

  /** Writes the configuration file; `patch` replaces sections of it. */
  configure(patch: ConfigPatch = {}): void {
    writeFileSync(this.configFile, stringify(configOf(this.dataDir, { ...this.#patch, ...patch })));
  }

  /** SIGHUP; resolves when the next gateway process serves, and alone takes connections. */
  async reload(patch: ConfigPatch = {}): Promise<void> {
    const old = this.gatewayPid;
    this.configure(patch);
    process.kill(this.pid, 'SIGHUP');
    await this.replaced();
    await waitFor('the old process to stop listening', () => !isListening(old, Number(new URL(this.url).port)));
  }

  /** Resolves when another gateway process serves than the one that is known here. */
  async replaced(): Promise<void> {
    const path = join(this.dataDir, 'ready');
    const { gatewayPid } = this;
    const look = (): ReadyFile | null => (existsSync(path) ? this.readReady() : null);
    await waitFor(
      'the next gateway process',
      () => {
        const ready = look();
        if (ready === null || ready.gatewayPid === gatewayPid) return false;
        this.ready = ready;
        return true;
      },
      { boundMs: START_BOUND_MS, everyMs: 5 },
    ).catch((error: Error) => {
      throw new Error(`${error.message}\n${this.log}`);
    });
  }

  /** The ready file as it is now. */
  readReady(): ReadyFile {
    return JSON.parse(readFileSync(join(this.dataDir, 'ready'), 'utf8'));
  }

  /** Starts the processes on the same data folder, first or again; `patch` replaces sections of the configuration. */
  async launch(patch: ConfigPatch = {}): Promise<void> {
    this.configure(patch);
    const readyFile = this.#readyFile;
    rmSync(readyFile, { force: true });
    const args = [...NODE_ARGS, 'src/main.ts', '--config', this.configFile, '--ready-file', readyFile];
    // Every test gateway audits its shared tables against what is really open, and aborts on a difference.
    const env = { ...process.env, PENSTOCK_ASSERT: '1' };
    const child = spawn(process.execPath, args, { cwd: REPOSITORY, stdio: ['ignore', 'pipe', 'pipe'], env });
    this.#process = child;
    const collect = (chunk: Buffer): void => {
      this.log = (this.log + chunk.toString('utf8')).slice(-200_000);
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    let exited = false;
    this.#exit = new Promise((resolveExit) => {
      child.once('exit', (code) => {
        exited = true;
        resolveExit(code);
      });
    });
    const answer = await waitFor('the ready file', () => exited || existsSync(readyFile), {
      boundMs: START_BOUND_MS,
      everyMs: 20,
    }).catch(() => false);
    if (!answer || exited) {
      await this.kill();
      throw new Error(`the gateway did not get ready:\n${this.log}`);
    }
    this.readAgain();
  }

  /** Runs the operators' command against this gateway. */
  async cli(...args: string[]): Promise<CommandResult> {
    const command = [...NODE_ARGS, 'src/main.ts', 'cli', ...args, '--config', this.configFile];
    const child = spawn(process.execPath, command, { cwd: REPOSITORY, stdio: ['ignore', 'pipe', 'pipe'] });
    const result: CommandResult = { code: null, stdout: '', stderr: '' };
    child.stdout.on('data', (chunk: Buffer) => {
      result.stdout += chunk.toString('utf8');
    });
    child.stderr.on('data', (chunk: Buffer) => {
      result.stderr += chunk.toString('utf8');
    });
    const closed = new Promise<number | null>((resolveClose) => child.once('close', resolveClose));
    result.code = await within(`penstock ${args.join(' ')}`, 60_000, closed).finally(() => child.kill('SIGKILL'));
    return result;
  }

  /** Standard output of a command that must succeed, parsed. */
  async cliJson<T>(...args: string[]): Promise<T> {
    const { code, stdout, stderr } = await this.cli(...args, '--json');
    assert.equal(code, 0, `penstock ${args.join(' ')}: ${stderr}`);
    return JSON.parse(stdout) as T;
  }

  /** One request to the admin API, which is what the command speaks too; the parsed answer. */
  async admin<T>(method: string, path: string, body?: object): Promise<T> {
    const token = readSecrets(this.dataDir).adminToken;
    const response = await fetch(`${this.controlUrl}/admin/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    assert.ok(response.ok, `${method} ${path}: ${response.status} ${text}`);
    return JSON.parse(text) as T;
  }

  /** Returns once every record made before is in PostgreSQL. */
  async flush(): Promise<void> {
    await this.admin('POST', '/flush');
  }

  metrics(): Promise<Map<string, number>> {
    return readMetrics(this.controlUrl);
  }

  /** Waits until no exchange is open and no place is held. */
  async assertIdle(): Promise<void> {
    let held: [string, number][] = [];
    await waitFor('exchanges and places back at zero', async () => {
      held = heldThings(await this.metrics());
      return held.length === 0;
    }).catch(() => assert.deepEqual(held, [], 'exchanges or places are left'));
  }

  /** SIGTERM, and the exit code. */
  async terminate(): Promise<number | null> {
    this.#process?.kill('SIGTERM');
    return this.ended();
  }

  /** The exit code, once the supervisor has ended. */
  async ended(): Promise<number | null> {
    const code = await within('the exit', STOP_BOUND_MS, this.#exit);
    this.#process = null;
    return code;
  }

  /** Checks that nothing is left, stops and removes everything. */
  async stop(): Promise<void> {
    try {
      if (this.#process !== null && this.#process.exitCode === null) {
        await this.assertIdle();
        assert.equal(await this.terminate(), 0, `exit code; log:\n${this.log}`);
      }
    } finally {
      await this.#remove();
    }
  }

  /** Ends the processes the hard way, by pid. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (child === null) return;
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      if (this.ready !== undefined) killQuietly(this.gatewayPid);
      await this.#exit;
    }
    this.#process = null;
  }

  async #remove(): Promise<void> {
    await this.kill();
    const postmaster = embeddedPostmaster(this.dataDir);
    if (postmaster !== null) {
      killQuietly(postmaster, 'SIGINT');
      await waitFor('the end of PostgreSQL', () => embeddedPostmaster(this.dataDir) === null).catch(() =>
        killQuietly(postmaster),
      );
    }
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Open exchanges, held slots and waiting tickets that the metrics show. */
function heldThings(metrics: Map<string, number>): [string, number][] {
  return [...metrics].filter(
    ([name, value]) =>
      value !== 0 &&
      /^penstock_(exchanges_open|slots_held|queue_waiting|body_bytes_held|stream_bytes_held)(\{|$)/.test(name),
  );
}

function embeddedPostmaster(dataDir: string): number | null {
  try {
    const pid = Number(readFileSync(join(dataDir, 'pg/postmaster.pid'), 'utf8').split('\n', 1)[0]);
    process.kill(pid, 0);
    return pid;
  } catch {
    return null;
  }
}

function killQuietly(pid: number, signal: NodeJS.Signals = 'SIGKILL'): void {
  try {
    process.kill(pid, signal);
  } catch {}
}
