import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { escapeMarkdown, markdownTable } from '../../native-bench/report/markdown.ts';
import { median, ratioOf } from '../../native-bench/report/ratios.ts';
import { readResults } from '../../native-bench/report/read-results.ts';
import { barPlot } from '../../native-bench/report/svg/bar-plot.ts';
import { linearScale, logScale } from '../../native-bench/report/svg/scale.ts';
import { writeReport } from '../../native-bench/report/write-report.ts';
import { tempFolder } from '../support/temp-folder.ts';

const FIXTURES = join(import.meta.dirname, 'fixtures');
const RESULTS = readFileSync(join(FIXTURES, 'results.json'), 'utf8');
const SVGS = [
  'latency-json-1-connection.svg',
  'soak-resident-memory-over-the-soak.svg',
  'traffic-cpu-per-request.svg',
] as const;

/** To renew: `--test-update-snapshots`, and look at what changed. */
function assertGolden(t: TestContext, content: string, name: string): void {
  t.assert.fileSnapshot(content, join(FIXTURES, `${name}.golden`), { serializers: [(value) => value] });
}

test('results give their golden page and plots', (t) => {
  const folder = tempFolder(t);
  writeReport(readResults(RESULTS), folder);
  assert.deepEqual(readdirSync(folder).sort(), [...SVGS, 'report.md'].sort());
  for (const name of [...SVGS, 'report.md']) assertGolden(t, readFileSync(join(folder, name), 'utf8'), name);
});

test('npm run bench:report writes the same from the results alone', (t) => {
  const [once, again] = [tempFolder(t), tempFolder(t)];
  writeReport(readResults(RESULTS), once);
  cpSync(join(FIXTURES, 'results.json'), join(again, 'results.json'));
  const file = join(import.meta.dirname, '../../native-bench/report/regenerate.ts');
  execFileSync(process.execPath, ['--disable-warning=ExperimentalWarning', file, again], { timeout: 120_000 });
  for (const name of readdirSync(once)) {
    assert.equal(readFileSync(join(again, name), 'utf8'), readFileSync(join(once, name), 'utf8'), name);
  }
});

test('ratios are formed pair by pair within a round, rounds that lack one of the two left out', () => {
  // The ratio of the medians would be 66 / 22 = 3; the pairs are 2, 4 and 3.
  assert.deepEqual(ratioOf([60, 80, 66], [30, 20, 22]), { median: 3, min: 2, max: 4, pairs: 3 });
  assert.deepEqual(ratioOf([60, 80, 60], [30, null, 20]), { median: 2.5, min: 2, max: 3, pairs: 2 });
  assert.deepEqual(ratioOf([10, 1000], [100, 10]), { median: 50.05, min: 0.1, max: 100, pairs: 2 });
  assert.equal(ratioOf([1, null], [null, 1]), null);
  assert.equal(ratioOf([1], [0]), null);
  assert.equal(median([3, 1, 2]), 2);
});

test('what is not held is listed with its reason, and what was not measured as such', (t) => {
  const folder = tempFolder(t);
  writeReport(readResults(RESULTS), folder);
  const page = readFileSync(join(folder, 'report.md'), 'utf8');
  const list = page.slice(page.indexOf('## Not met'), page.indexOf('## Ordinary traffic'));
  const [missed, unmeasured] = list.split('Not measured:') as [string, string];
  assert.match(missed, /stretch: ≤ 2 × nginx: 3\.00 .* 50 % above/);
  assert.doesNotMatch(missed, /gate/, 'what is held is not among it');
  assert.match(unmeasured, /CPU per relayed SSE event.*nginx is not installed/);
  assert.match(unmeasured, /cold start.*--scenario cold-start/);
});

test('text from outside cannot break a table or become markup', () => {
  assert.equal(escapeMarkdown('a|b\n c'), 'a\\|b c');
  assert.equal(escapeMarkdown('<b>*x*</b> & `y` [z](u) _w_'), '&lt;b>\\*x\\*&lt;/b> &amp; \\`y\\` \\[z\\](u) \\_w\\_');
  assert.equal(escapeMarkdown('a\\|b'), 'a\\\\\\|b');
  const table = markdownTable([{ head: 'h' }, { head: 'n', align: 'right' }], [[escapeMarkdown('x|y'), '1']]);
  assert.deepEqual(table.split('\n'), ['| h | n |', '| --- | --: |', '| x\\|y | 1 |']);
});

test('a bar that dwarfs the others is cut off, unless it is Penstock’s own', () => {
  const plot = (name: string): string => {
    const bars = [1, 2, 3].map((value) => ({ name: `contender ${value}`, value, min: value, max: value }));
    const long = { name, value: 90, min: 80, max: 100 };
    return barPlot({ title: 't', label: 'l', groups: [{ name: 'case', bars: [...bars, long] }] });
  };
  assert.match(plot('Portkey'), /90\.0 \(bar cut off\)/);
  assert.doesNotMatch(plot('Penstock'), /cut off/);
});

test('axes hold all values and label round ones', () => {
  const linear = linearScale([3, 97], { from: 0, to: 100 });
  assert.deepEqual(
    linear.ticks.map(({ label }) => label),
    ['0', '20', '40', '60', '80', '100'],
  );
  assert.equal(linear.place(50), 50);
  const log = logScale([7, 4_000], { from: 0, to: 300 });
  assert.deepEqual(
    log.ticks.filter(({ label }) => label !== '').map(({ label, at }) => [label, Math.round(at)]),
    [
      ['10', 30],
      ['100', 130],
      ['1,000', 230],
    ],
  );
  for (const values of [[0], [5, 5], [-3, 4], []]) {
    const scale = linearScale(values, { from: 0, to: 100 });
    for (const value of values) assert.ok(scale.place(value) >= 0 && scale.place(value) <= 100, `${value}`);
    assert.ok(scale.ticks.length >= 2);
  }
});
