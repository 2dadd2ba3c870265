/** The audit of the chaos harness finds every kind of fault: a harness that cannot find one proves nothing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Audit, audit, lateness, type Row } from '../../native-bench/chaos/audit.ts';
import type { Asked } from '../../native-bench/chaos/traffic.ts';
import type { Served } from '../support/upstream.ts';

function asked(label: string, ending: Asked['ending'] = 'completed'): Asked {
  return { label, stream: true, startMs: 0, endMs: 100, ending, status: 200, front: '0', cause: '' };
}

function served(label: string): Served {
  const usage = { inputTokens: 10, outputTokens: 20, cacheReadTokens: 0, cacheWrite5mTokens: 0, cacheWrite1hTokens: 0 };
  const common = { apiKey: '', model: null, stream: true, status: 200, sha256: '', bytes: 0 };
  return { ...common, requestId: `up-${label}`, label, usage, ending: 'whole' };
}

function row(label: string, fields: Partial<Row> = {}): Row {
  return {
    requestId: `id-${label}`,
    label,
    upstreamRequestId: `up-${label}`,
    status: 'completed',
    usageSource: 'reported',
    inputTokens: 10,
    outputTokens: 20,
    chargedNanoUsd: 110_000n,
    ...fields,
  };
}

function auditOf(requests: Asked[], rows: Row[]): Audit {
  const ledger = requests.map(({ label }) => served(label));
  return audit({ asked: requests, ledger, rows, debitedNanoUsd: 0n });
}

test('books that agree show no difference', () => {
  const { unbilled, different, twice, invented, differences, served, billed } = auditOf([asked('a')], [row('a')]);
  assert.deepEqual({ unbilled, different, twice, invented, differences }, NOTHING);
  assert.deepEqual(served, { tokens: 30, nanoUsd: 110_000n });
  assert.deepEqual(billed, served);
});

const NOTHING = { unbilled: 0, different: 0, twice: 0, invented: 0, differences: [] };

test('a completed answer without a row is unbilled', () => {
  const { unbilled, differences, faulty } = auditOf([asked('a'), asked('b')], [row('b')]);
  assert.equal(unbilled, 1);
  assert.match(differences.join(), /^a: up-a served 10\+20 tokens \(whole\), billed nothing$/);
  assert.deepEqual(
    faulty.map(({ endMs }) => endMs),
    [100],
  );
});

test('a completed answer with other tokens, another price or another ending is different', () => {
  for (const fields of [{ inputTokens: 9 }, { chargedNanoUsd: 110_001n }, { status: 'interrupted' }]) {
    assert.equal(auditOf([asked('a')], [row('a', fields)]).different, 1);
  }
});

test('a second row of a request, of a client or of an upstream answer is found', () => {
  assert.equal(auditOf([asked('a')], [row('a'), row('a')]).twice, 1);
  assert.equal(auditOf([asked('a')], [row('a'), row('a', { requestId: 'id-other' })]).twice, 1);
});

test('a row for what no upstream served is invented', () => {
  assert.equal(auditOf([asked('a')], [row('a'), row('b')]).invented, 1);
  assert.equal(auditOf([asked('a')], [row('a', { upstreamRequestId: '' })]).invented, 1);
});

test('an interrupted answer may be billed up to the whole one and no further', () => {
  const below = auditOf([asked('a', 'broken')], [row('a', { outputTokens: 3, status: 'interrupted' })]);
  assert.deepEqual([below.interrupted.rows, below.interrupted.above], [1, 0]);
  const above = auditOf([asked('a', 'unanswered')], [row('a', { outputTokens: 21, status: 'interrupted' })]);
  assert.equal(above.interrupted.above, 1);
  assert.deepEqual([below.readAndLost, above.readAndLost], [0, 1]);
  assert.equal(auditOf([asked('a', 'broken')], []).unbilled, 0);
});

test('lateness is the time from the end of an answer to the next kill; none when a kill fell into it', () => {
  const answers = [
    { startMs: 50, endMs: 90 },
    { startMs: 60, endMs: 300 },
    { startMs: 400, endMs: 700 },
  ];
  assert.deepEqual(lateness(answers, [100, 1_000]), [10, 0, 300]);
  assert.deepEqual(lateness([{ startMs: 1_500, endMs: 2_000 }], [1_000]), [Number.POSITIVE_INFINITY]);
});
