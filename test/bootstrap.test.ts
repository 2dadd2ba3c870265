import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { type TestContext, test } from 'node:test';
import { tempFolder } from './support/temp-folder.ts';
import { within } from './support/wait-for.ts';

const BOOTSTRAP = resolve(import.meta.dirname, '../src/bootstrap.mjs');
const PRELOAD = resolve(import.meta.dirname, 'support/keep-stripped.mjs');

/** Stands for npm: notes its arguments, prints, and leaves what an installation leaves. */
const FAKE_NPM = `
import { appendFileSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
appendFileSync('npm-calls', process.argv.slice(2).join(' ') + '\\n');
console.log('added 1 package');
if (process.env.FAKE_NPM_FAILS) process.exit(7);
rmSync('node_modules', { recursive: true, force: true });
mkdirSync('node_modules/.bin', { recursive: true });
if (!process.env.FAKE_NPM_NO_SCRIPTS) symlinkSync(process.execPath, 'node_modules/.bin/node');
writeFileSync('node_modules/.package-lock.json', '{}');
`;

const FAKE_MAIN = `
const code: number = Number(process.env['FAKE_EXIT'] ?? 0);
if (process.env['FAKE_WAITS']) process.on('SIGTERM', () => process.exit(42)), setInterval(() => {}, 1000);
else process.exitCode = code;
process.stdout.write(JSON.stringify({ args: process.argv.slice(2), cwd: process.cwd(), execPath: process.argv0 }) + '\\n');
`;

interface Clone {
  readonly root: string;
  /** Lines that the fake npm noted. */
  npmCalls(): string[];
  start(args: string[], env?: Record<string, string>): ChildProcess;
  run(args: string[], env?: Record<string, string>): Promise<{ code: number | null; stdout: string; stderr: string }>;
}

/** As little of the repository as the bootstrap looks at. */
function fakeClone(t: TestContext): Clone {
  const root = tempFolder(t);
  mkdirSync(join(root, 'src'));
  copyFileSync(BOOTSTRAP, join(root, 'src/bootstrap.mjs'));
  mkdirSync(join(root, 'test/support'), { recursive: true });
  copyFileSync(PRELOAD, join(root, 'test/support/keep-stripped.mjs'));
  writeFileSync(join(root, 'src/main.ts'), FAKE_MAIN);
  writeFileSync(join(root, 'package.json'), '{"type":"module"}');
  writeFileSync(join(root, 'package-lock.json'), '{}');
  writeFileSync(join(root, 'fake-npm.mjs'), FAKE_NPM);
  const start = (args: string[], env: Record<string, string> = {}) => {
    // Set in every test process: a nested test run would report to this one instead of to its standard output.
    const { NODE_TEST_CONTEXT: _, ...outer } = process.env;
    const child = spawn(process.execPath, ['src/bootstrap.mjs', ...args], {
      cwd: root,
      env: { ...outer, npm_execpath: join(root, 'fake-npm.mjs'), INIT_CWD: root, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    t.after(() => child.kill('SIGKILL'));
    return child;
  };
  const run = async (args: string[], env: Record<string, string> = {}) => {
    const child = start(args, env);
    const output = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name]?.setEncoding('utf8').on('data', (text: string) => {
        output[name] += text;
      });
    }
    const [code] = await within('the end of the command', 30_000, once(child, 'close'));
    return { code: code as number | null, ...output };
  };
  const npmCalls = () => {
    const file = join(root, 'npm-calls');
    return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
  };
  return { root, npmCalls, start, run };
}

/** What an earlier installation leaves; `ageMs` older than the lock file. */
function installed(clone: Clone, ageMs: number): void {
  mkdirSync(join(clone.root, 'node_modules/.bin'), { recursive: true });
  symlinkSync(process.execPath, join(clone.root, 'node_modules/.bin/node'));
  const done = join(clone.root, 'node_modules/.package-lock.json');
  writeFileSync(done, '{}');
  const now = Date.now() / 1000;
  utimesSync(join(clone.root, 'package-lock.json'), now, now);
  utimesSync(done, now - ageMs / 1000, now - ageMs / 1000);
}

test('the first command after a clone installs, tells so on standard error, then runs', async (t) => {
  const clone = fakeClone(t);
  const { code, stdout, stderr } = await clone.run(['start', '--a', 'b']);
  assert.equal(code, 0, stderr);
  assert.deepEqual(JSON.parse(stdout).args, ['start', '--a', 'b'], 'standard output is that of the program alone');
  assert.match(stderr, /Installing dependencies with npm ci[\s\S]*added 1 package[\s\S]*Installed in \d+ s/);
  assert.match(clone.npmCalls().join(), /^ci /);
});

test('the second command does not install again', async (t) => {
  const clone = fakeClone(t);
  await clone.run(['start']);
  const { stderr } = await clone.run(['penstock', 'usage', '--json']);
  assert.equal(stderr, '');
  assert.equal(clone.npmCalls().length, 1);
});

test('a lock file newer than the installation installs again, an older one does not', async (t) => {
  const older = fakeClone(t);
  installed(older, -1_000);
  await older.run(['start']);
  assert.deepEqual(older.npmCalls(), []);
  const newer = fakeClone(t);
  installed(newer, 60_000);
  await newer.run(['start']);
  assert.equal(newer.npmCalls().length, 1);
});

test('a failed installation ends the command with one line and exit code 1', async (t) => {
  const { code, stdout, stderr } = await fakeClone(t).run(['start'], { FAKE_NPM_FAILS: '1' });
  assert.equal(code, 1);
  assert.equal(stdout, '');
  assert.match(stderr, /npm ci failed with exit code 7\n$/);
});

test('an installation without install scripts is named as such', async (t) => {
  const { code, stderr } = await fakeClone(t).run(['start'], { FAKE_NPM_NO_SCRIPTS: '1' });
  assert.equal(code, 1);
  assert.match(stderr, /ignore-scripts/);
});

test('the program runs on the Node of node_modules, in the folder of the package, and its exit code is ours', async (t) => {
  const clone = fakeClone(t);
  const { code, stdout } = await clone.run(['penstock', 'key', 'list'], { FAKE_EXIT: '3' });
  assert.equal(code, 3);
  const { args, cwd, execPath } = JSON.parse(stdout);
  assert.deepEqual(args, ['cli', 'key', 'list']);
  assert.equal(cwd, clone.root);
  assert.equal(execPath, join(clone.root, 'node_modules/.bin/node'));
});

test('files named on the command line are meant from where npm was called', async (t) => {
  const clone = fakeClone(t);
  const args = ['start', '--config', 'c.yaml', '--ready-file=r.json', '--config', '/abs.yaml'];
  const { stdout } = await clone.run(args, { INIT_CWD: '/somewhere' });
  const expected = [
    'start',
    '--config',
    '/somewhere/c.yaml',
    '--ready-file=/somewhere/r.json',
    '--config',
    '/abs.yaml',
  ];
  assert.deepEqual(JSON.parse(stdout).args, expected);
});

test('SIGTERM reaches the program, whose exit code is ours', async (t) => {
  const clone = fakeClone(t);
  const child = clone.start(['start'], { FAKE_WAITS: '1' });
  await within('the program', 20_000, once(child.stdout as NodeJS.ReadableStream, 'data'));
  child.kill('SIGTERM');
  assert.deepEqual(await within('the exit', 10_000, once(child, 'exit')), [42, null]);
});

test('Node options of the environment reach the program', async (t) => {
  const clone = fakeClone(t);
  const { stdout } = await clone.run(['node', '-p', 'process.env.NODE_OPTIONS'], { NODE_OPTIONS: '--no-deprecation' });
  assert.equal(stdout, '--no-deprecation\n');
});

test('test runs every test file and ends in the totals of the runner; a failing one fails the command', async (t) => {
  const clone = fakeClone(t);
  installed(clone, -1_000);
  mkdirSync(join(clone.root, 'test/http'), { recursive: true });
  writeFileSync(join(clone.root, 'test/a.test.ts'), `import { test } from 'node:test';\ntest('first', () => {});\n`);
  writeFileSync(
    join(clone.root, 'test/http/b.test.ts'),
    `import { test } from 'node:test';\ntest('second', () => {});\n`,
  );
  writeFileSync(join(clone.root, 'test/http/helper.ts'), `throw new Error('not a test file');\n`);
  const TMPDIR = tempFolder(t);
  const good = await clone.run(['test'], { TMPDIR });
  assert.equal(good.code, 0, good.stdout);
  assert.match(
    good.stdout,
    /tests 2\n[\s\S]*pass 2\n[\s\S]*fail 0\n[^\n]*cancelled 0\n[^\n]*skipped 0\n[^\n]*todo 0\n[^\n]*duration_ms [\d.]+\s*$/,
  );
  assert.deepEqual(readdirSync(TMPDIR), [], 'nothing that was kept for the run is left');
  writeFileSync(join(clone.root, 'test/http/b.test.ts'), `throw new Error('broken');\n`);
  assert.equal((await clone.run(['test'])).code, 1);
  assert.equal((await clone.run(['test', 'test/a.test.ts'])).code, 0, 'named files only');
});

test('an unknown command and an unknown option of check are refused', async (t) => {
  const clone = fakeClone(t);
  installed(clone, -1_000);
  for (const [asked, said] of [
    [['strat'], /unknown command strat/],
    [['check', '--statc'], /check: unknown option --statc/],
  ] as const) {
    const { code, stderr } = await clone.run([...asked]);
    assert.equal(code, 1);
    assert.match(stderr, said);
  }
});
