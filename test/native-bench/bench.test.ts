/** The bench as a command: what it says of itself, what it says of mistakes, and one small run of real contenders. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { judge, nothingJudged } from '../../native-bench/load/judged-loop.ts';
import type { Results } from '../../native-bench/report/results.ts';
import { totalOf } from '../../native-bench/rig/system-calls.ts';
import { SCENARIOS } from '../../native-bench/scenarios/all.ts';
import { tempFolder } from '../support/temp-folder.ts';

const FILE = fileURLToPath(new URL('../../native-bench/bench.ts', import.meta.url));
const BOUND_MS = 120_000;

interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

function bench(...options: string[]): Promise<Ended> {
  const args = ['--disable-warning=ExperimentalWarning', FILE, ...options];
  return new Promise((resolve) => {
    execFile(process.execPath, args, { timeout: BOUND_MS }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr });
    });
  });
}

test('bench --list names every scenario with what it does', async () => {
  const { code, stdout } = await bench('--list');
  assert.equal(code, 0);
  const lines = stdout.trim().split('\n');
  assert.deepEqual(
    lines.map((line) => line.slice(0, line.indexOf(':'))),
    SCENARIOS.map(({ name }) => name),
  );
  assert.equal(new Set(lines).size, SCENARIOS.length);
});

for (const [options, says] of [
  [['--scenario', 'trafic'], /bench: no scenario is named trafic; --list shows them/],
  [['--contender', 'Nginx'], /bench: no contender is named Nginx/],
  [['--rounds', '0'], /bench: --rounds takes a number from 1 to 99/],
  [['--scenarios', 'traffic'], /--scenarios/],
] as const) {
  test(`bench ${options.join(' ')} is refused before anything is started`, async () => {
    const { code, stdout, stderr } = await bench(...options);
    assert.notEqual(code, 0);
    assert.match(stderr, says);
    assert.equal(stdout, '');
  });
}

test('a small run measures Penstock and the bare forwarder, judges every answer and writes its results', async (t) => {
  const out = tempFolder(t);
  const options = ['--quick', '--rounds', '1', '--scenario', 'error-storm', '--contender', 'uWS forwarder'];
  const { code, stdout, stderr } = await bench(...options, '--out', out);
  assert.equal(code, 0, stderr);
  const results: Results = JSON.parse(readFileSync(join(out, 'results.json'), 'utf8'));
  const [scenario] = results.scenarios;
  assert.equal(scenario!.name, 'error-storm');
  assert.deepEqual(
    scenario!.skipped.filter(({ what }) => what !== 'RSS peak'),
    [],
  );
  for (const contender of ['Penstock', 'uWS forwarder']) {
    const cpu = scenario!.measurements.find((one) => one.contender === contender && one.metric === 'CPU per request');
    assert.equal(cpu?.unit, 'µs');
    assert.equal(cpu.values.length, 1);
    assert.ok(cpu.values[0]! > 0);
  }
  assert.equal(scenario!.verdicts.length, 2);
  for (const { goal, held, measured } of scenario!.verdicts) assert.equal(held, true, `${goal}: ${measured}`);
  assert.match(stdout, /Error storm/);
});

const MESSAGE = Buffer.from('{"type":"message","content":[]}');
const STREAM = Buffer.from('event: message_start\ndata: {}\n\nevent: message_stop\ndata: {}\n\n');
const PART = STREAM.subarray(0, 40);
const ERROR = Buffer.from('{"type":"error","error":{"type":"overloaded_error"}}');

test('an answer is whole, broken, refused or wrong: a part that looks whole is never counted as an answer', () => {
  const judged = nothingJudged();
  judge({ status: 200, whole: true, body: MESSAGE }, false, judged);
  judge({ status: 200, whole: true, body: STREAM }, true, judged);
  assert.equal(judged.whole, 2);
  judge({ status: 200, whole: false, body: MESSAGE.subarray(0, 9) }, false, judged);
  judge({ status: 200, whole: false, body: PART }, true, judged);
  judge(
    { status: 200, whole: true, body: Buffer.concat([PART, Buffer.from('\n\nevent: error\ndata: {}\n\n')]) },
    true,
    judged,
  );
  assert.equal(judged.broken, 3);
  judge({ status: 529, whole: true, body: ERROR }, false, judged);
  assert.deepEqual(judged.refused, { 529: 1 });
  assert.deepEqual(judged.wrong, {});
  judge({ status: 200, whole: true, body: MESSAGE.subarray(0, 9) }, false, judged);
  judge({ status: 200, whole: true, body: PART }, true, judged);
  judge({ status: 502, whole: true, body: Buffer.from('') }, false, judged);
  assert.equal(
    Object.values(judged.wrong).reduce((sum, count) => sum + count, 0),
    3,
  );
});

test('the total of strace is read with and without a column of errors, and not from anything else', () => {
  assert.equal(totalOf('100.00    1.234567           4    312345        12 total\n'), 312_345);
  assert.equal(totalOf('100.00    0.001000           1       970           total\n'), 970);
  assert.equal(totalOf('strace: attach: Operation not permitted'), null);
});
