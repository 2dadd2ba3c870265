/**
 * The first step of every npm script, in plain JavaScript for any Node from 18 on and without a dependency: installs what the
 * lock file names when that was not done yet, then hands over to the pinned Node in node_modules. The machine's own Node may be
 * older than the product needs, and `npm start` or `npm test` may be the first command after a clone.
 *
 *   start [options]        the gateway                     dev [options]   the same, restarted when a source changes
 *   penstock COMMAND …     the operator command            check [--static] lint, types, fast tests; or lint and types alone
 *   test [FILE …]          all tests, or those named       node FILE …     any script on the pinned Node
 *
 * Writes nothing to standard output itself: a command's output is often read by a program.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import * as os from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const BIN = join(ROOT, 'node_modules', '.bin');
const NODE = join(BIN, 'node');
const NODE_FLAGS = ['--disable-warning=ExperimentalWarning'];
/** Ends a test that hangs; the slowest one starts several gateways. */
const TEST_TIMEOUT_MS = 300_000;

/** Folders of tests that start gateways, databases or foreign clients. `check` leaves them to `test`. */
const SLOW_FOLDERS = ['http', 'threads', 'clients', 'store', 'fuzz', 'browser', 'chaos', 'native-bench'];
/** So does a test file elsewhere that starts a gateway or a database by one of these modules. */
const SLOW_IMPORT = /from '[^']*\/([a-z-]+-)?(gateway|postgres|database)\.ts'/;

/** Arguments that name a file relative to where npm was called; npm itself moves to the package's folder. */
const PATH_OPTIONS = ['--config', '--ready-file'];

async function main([command = 'start', ...args]) {
  if (needsInstall()) await install();
  switch (command) {
    case 'start':
    case 'dev': {
      const watch = command === 'dev' ? ['--watch', '--watch-preserve-output'] : [];
      return run(NODE, [...watch, ...NODE_FLAGS, 'src/main.ts', 'start', ...withCallerPaths(args)]);
    }
    case 'penstock':
      return run(NODE, [...NODE_FLAGS, 'src/main.ts', 'cli', ...withCallerPaths(args)]);
    case 'node':
      return run(NODE, [...NODE_FLAGS, ...args]);
    case 'test':
      return runTests(args.length > 0 ? args : testFiles().all);
    case 'check':
      return check(args);
    default:
      throw new Error(`bootstrap: unknown command ${command}`);
  }
}

/** Lint, types, fast tests (the tidy test among them), these not with `--static`; stops at the first that fails. */
async function check(args) {
  const unknown = args.find((arg) => arg !== '--static');
  if (unknown !== undefined) throw new Error(`check: unknown option ${unknown}`);
  const steps = [
    () => run(join(BIN, 'biome'), ['check', '--error-on-warnings']),
    () => run(join(BIN, 'tsc'), ['-p', '.']),
    ...(args.length > 0 ? [] : [() => runTests(testFiles().fast, { together: true })]),
  ];
  for (const step of steps) {
    const code = await step();
    if (code !== 0) return code;
  }
  return 0;
}

/** True when nothing is installed, or the lock file changed since: npm writes node_modules/.package-lock.json last. */
function needsInstall() {
  const done = modifiedMs(join(ROOT, 'node_modules', '.package-lock.json'));
  return done === 0 || !existsSync(NODE) || done < modifiedMs(join(ROOT, 'package-lock.json'));
}

function modifiedMs(path) {
  try {
    return statSync(path).mtimeMs;
  } catch {
    return 0;
  }
}

async function install() {
  say('Installing dependencies with npm ci: once, about half a minute …');
  const startedMs = Date.now();
  // Under npm this is npm's own script; started by hand there is only the program on the PATH.
  const npm = process.env.npm_execpath;
  const [program, first] = npm === undefined ? ['npm', []] : [process.execPath, [npm]];
  // Without its warnings: the packages that ask for a newer Node get the pinned one.
  const code = await run(program, [...first, 'ci', '--include=dev', '--loglevel=error'], { stdio: ['ignore', 2, 2] });
  if (code !== 0) throw new Error(`npm ci failed with exit code ${code}`);
  if (!existsSync(NODE)) {
    throw new Error(
      'npm ci left no node_modules/.bin/node: it ran without install scripts (ignore-scripts), which this package needs',
    );
  }
  say(`Installed in ${((Date.now() - startedMs) / 1000).toFixed(0)} s.`);
}

function say(text) {
  process.stderr.write(`${text}\n`);
}

function withCallerPaths(args) {
  const caller = process.env.INIT_CWD ?? ROOT;
  return args.map((arg, index) => {
    if (PATH_OPTIONS.includes(args[index - 1])) return isAbsolute(arg) ? arg : resolve(caller, arg);
    const option = PATH_OPTIONS.find((name) => arg.startsWith(`${name}=`));
    return option === undefined ? arg : `${option}=${resolve(caller, arg.slice(option.length + 1))}`;
  });
}

/** Paths relative to the repository, in a stable order. */
function testFiles() {
  const all = filesBelow('test').filter((path) => path.endsWith('.test.ts'));
  const isSlow = (path) =>
    SLOW_FOLDERS.includes(path.split('/')[1]) || SLOW_IMPORT.test(readFileSync(join(ROOT, path), 'utf8'));
  return { all, fast: all.filter((path) => !isSlow(path)) };
}

function filesBelow(folder) {
  const found = [];
  for (const entry of readdirSync(join(ROOT, folder), { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) found.push(...filesBelow(path));
    else found.push(path);
  }
  return found.sort();
}

/** Files run as processes of their own; more than a few starve each other of the cores that they measure time with. */
function testArguments(files) {
  const cores = os.availableParallelism?.() ?? os.cpus().length;
  const concurrency = Math.min(4, Math.max(2, Math.floor(cores / 2)));
  return [
    ...NODE_FLAGS,
    '--test',
    '--test-reporter=spec',
    `--test-concurrency=${concurrency}`,
    `--test-timeout=${TEST_TIMEOUT_MS}`,
    ...files,
  ];
}

/**
 * Threads by the thousand load the same sources: what is made of them is kept until the run ends. `together`: the files of a folder
 * share a process, as starting one takes longer than most of them.
 */
function runTests(named, { together = false } = {}) {
  const cache = mkdtempSync(join(os.tmpdir(), 'penstock-test-cache-'));
  const files = together ? writeEntries(named, cache) : named;
  const preload = `--import=${pathToFileURL(join(ROOT, 'test/support/keep-stripped.mjs'))}`;
  const NODE_OPTIONS = [process.env.NODE_OPTIONS, preload].filter(Boolean).join(' ');
  return run(NODE, testArguments(files), {
    env: { ...process.env, NODE_OPTIONS, NODE_COMPILE_CACHE: cache },
    onEnd: () => rmSync(cache, { recursive: true, force: true, maxRetries: 5 }),
  });
}

/** A file a folder that imports the tests of it; the largest first. */
function writeEntries(files, folder) {
  const folders = [...new Set(files.map(dirname))];
  const groups = folders.map((name) => files.filter((path) => dirname(path) === name));
  return groups
    .sort((a, b) => b.length - a.length)
    .map((group) => {
      const entry = join(folder, `${dirname(group[0]).replaceAll('/', '-')}.test.mjs`);
      const imports = group.map((path) => `import ${JSON.stringify(pathToFileURL(join(ROOT, path)).href)};\n`);
      writeFileSync(entry, imports.join(''));
      return entry;
    });
}

/** Runs a program in our place: same standard streams, signals passed on, its exit code returned. */
function run(program, args, { stdio = 'inherit', env = process.env, onEnd = () => {} } = {}) {
  return new Promise((done, fail) => {
    const signals = ['SIGTERM', 'SIGINT', 'SIGHUP'];
    const forward = (signal) => child.kill(signal);
    // Before the program starts: a signal must not find us alone.
    for (const signal of signals) process.on(signal, forward);
    const child = spawn(program, args, { cwd: ROOT, stdio, env });
    child.once('error', fail);
    child.once('close', (code, signal) => {
      for (const name of signals) process.off(name, forward);
      onEnd();
      // Ended by a signal: so do we, for whoever waits for us.
      if (signal !== null) process.kill(process.pid, signal);
      done(code ?? 1);
    });
  });
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  say(error.message);
  process.exitCode = 1;
}
