/** Runs a command-line client once, in a home and a folder of its own, and tells what it said and how it ended. */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { CliClient, Question } from './cli-client.ts';

export interface ClientRun {
  code: number | null;
  stdout: string;
  stderr: string;
  ms: number;
  timedOut: boolean;
}

export interface InstalledClient {
  client: CliClient;
  /** With the package's node_modules. */
  folder: string;
  version: string;
}

const OUTPUT_CHARS_MAX = 1_000_000;

/** Scratch space of one client's session. */
export class ClientHome {
  readonly folder: string;

  /** Below `parent`, not in the folder of temporary files: Codex takes no home there. */
  constructor(parent: string) {
    this.folder = mkdtempSync(join(parent, 'home-'));
    for (const name of ['home', 'tmp', 'project']) mkdirSync(join(this.folder, name));
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

export function isInstalled(client: CliClient, folder: string): boolean {
  return existsSync(join(folder, client.program));
}

/** One that is installed, with what it says of its version. */
export async function findClient(client: CliClient, folder: string, scratch: string): Promise<InstalledClient> {
  const home = new ClientHome(scratch);
  try {
    const { stdout, stderr } = await runProgram({
      program: join(folder, client.program),
      args: ['--version'],
      home,
      env: {},
      boundMs: 60_000,
    });
    const version = /\d+\.\d+\.\d+/.exec(stdout)?.[0];
    if (version === undefined) throw new Error(`${client.name} does not say its version: ${stdout}${stderr}`);
    return { client, folder, version };
  } finally {
    home.remove();
  }
}

export function runClient(
  { client, folder }: InstalledClient,
  home: ClientHome,
  question: Omit<Question, 'home'>,
  boundMs: number,
): Promise<ClientRun> {
  const asked = { ...question, home: join(home.folder, 'home') };
  for (const [path, text] of Object.entries(client.files(asked))) {
    mkdirSync(dirname(join(asked.home, path)), { recursive: true });
    writeFileSync(join(asked.home, path), text);
  }
  const program = join(folder, client.program);
  return runProgram({ program, args: client.args(asked), home, env: client.env(asked), boundMs });
}

interface ProgramCall {
  program: string;
  args: string[];
  home: ClientHome;
  env: Record<string, string>;
  boundMs: number;
}

/** Nothing of our environment reaches it but the path of Node. Its whole group of processes is ended when it takes too long. */
function runProgram({ program, args, home, env, boundMs }: ProgramCall): Promise<ClientRun> {
  const startedMs = performance.now();
  const child = spawn(program, args, {
    cwd: join(home.folder, 'project'),
    env: {
      PATH: `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`,
      HOME: join(home.folder, 'home'),
      TMPDIR: join(home.folder, 'tmp'),
      LANG: 'C.UTF-8',
      NO_COLOR: '1',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const run: ClientRun = { code: null, stdout: '', stderr: '', ms: 0, timedOut: false };
  child.stdout.on('data', (chunk: Buffer) => {
    run.stdout = (run.stdout + chunk.toString('utf8')).slice(-OUTPUT_CHARS_MAX);
  });
  child.stderr.on('data', (chunk: Buffer) => {
    run.stderr = (run.stderr + chunk.toString('utf8')).slice(-OUTPUT_CHARS_MAX);
  });
  const timer = setTimeout(() => {
    run.timedOut = true;
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  }, boundMs);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(timer);
      run.code = code;
      run.ms = Math.round(performance.now() - startedMs);
      resolve(run);
    });
  });
}
