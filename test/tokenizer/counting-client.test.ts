import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { nowMs } from '#base/clock.ts';
import { type CountJob, jobTransfers } from '#tokenizer/count-job.ts';
import { type ClientLimits, CountingClient, type CountOutcome } from '#tokenizer/counting-client.ts';
import { waitFor } from '../support/wait-for.ts';

const BODY = '{"messages":[{"role":"user","content":"Hello"}]}';
const HELLO = new Int32Array([39, 44]);

let client: CountingClient | null = null;

afterEach(() => client?.close());

interface Asked {
  id: number;
  job: CountJob;
}

/** A client whose questions go nowhere but into a list, transferred as to another thread. */
function open(limits: Partial<ClientLimits> = {}) {
  const asked: Asked[] = [];
  const all = { jobs: 10, bytes: 10_000, jobBytesMax: 5_000, deadlineMs: 10_000, ...limits };
  const made = new CountingClient(all, (id, job) =>
    asked.push({ id, job: structuredClone(job, { transfer: jobTransfers(job) }) }),
  );
  client = made;
  const outcomes: CountOutcome[] = [];
  const body = new Uint8Array(Buffer.from(BODY));
  const ask = (request: { give?: boolean; model?: string } = {}) =>
    made.countRequest(
      { model: 'gpt-5', body, texts: [HELLO], plain: [], messages: 1, tools: 0, give: false, ...request },
      (outcome) => outcomes.push(outcome),
    );
  return { client: made, asked, outcomes, body, ask };
}

test('the texts of a body that is still needed are copied; the answer is the method’s, with the structure', () => {
  const { client, asked, outcomes, body, ask } = open();
  assert.equal(ask({ model: 'claude-opus-5-5' }), null);
  assert.equal(Buffer.from(asked[0]!.job.buffer).toString(), 'Hello');
  assert.equal(Buffer.from(body).toString(), BODY);
  assert.deepEqual([outcomes.length, client.size], [0, 1]);
  client.answer(asked[0]!.id, 10);
  const [outcome] = outcomes;
  assert.ok(typeof outcome === 'object');
  assert.deepEqual([outcome.tokens, outcome.method.name], [16 + 6, 'o200k_base x 1.53']);
  assert.equal(client.size, 0);
});

test('a body that is given away is gone', () => {
  const { asked, body, ask } = open();
  assert.equal(ask({ give: true }), null);
  assert.equal(body.length, 0);
  assert.equal(Buffer.from(asked[0]!.job.buffer).toString(), BODY);
});

test('what is too large is refused at once and stays with its owner', () => {
  const { asked, body, ask } = open({ jobBytesMax: 12 });
  assert.equal(ask(), 'too_large');
  assert.equal(ask({ give: true }), 'too_large');
  assert.deepEqual([asked.length, body.length], [0, BODY.length]);
});

test('so many counts and so many bytes may be out, and the next one is busy at once', () => {
  const few = open({ jobs: 2 });
  assert.deepEqual([few.ask(), few.ask(), few.ask()], [null, null, 'busy']);
  few.client.answer(few.asked[0]!.id, 'failed');
  assert.deepEqual([few.ask(), few.ask()], [null, 'busy']);
  few.client.close();
  const small = open({ bytes: 30 });
  assert.deepEqual([small.ask(), small.ask(), small.ask()], [null, null, 'busy']);
});

test('with no jobs nothing is counted', () => {
  assert.equal(open({ jobs: 0 }).ask(), 'busy');
});

test('who asks is told late at the deadline, once; the bytes are out until primary has answered', async () => {
  const { client, asked, outcomes, ask } = open({ deadlineMs: 40, jobs: 2 });
  const start = nowMs();
  ask();
  await waitFor('the deadline', () => outcomes.length === 1);
  assert.ok(nowMs() - start < 10_000);
  ask();
  assert.equal(ask(), 'busy');
  await waitFor('the second deadline', () => outcomes.length === 2);
  assert.deepEqual(outcomes, ['late', 'late']);
  for (const { id } of asked) client.answer(id, 5);
  assert.deepEqual([outcomes.length, client.size, ask()], [2, 0, null]);
});

test('an answer in time is never followed by late, and those behind it have their own deadline', async () => {
  const { client, asked, outcomes, ask } = open({ deadlineMs: 60 });
  ask();
  ask();
  client.answer(asked[0]!.id, 7);
  await waitFor('the deadline', () => outcomes.length === 2);
  assert.equal(outcomes[1], 'late');
  assert.ok(typeof outcomes[0] === 'object');
});

test('busy, late and failed of the pool are told as they are', () => {
  const { client, asked, outcomes, ask } = open();
  for (const counted of ['busy', 'late', 'failed'] as const) {
    ask();
    client.answer(asked.at(-1)!.id, counted);
  }
  assert.deepEqual(outcomes, ['busy', 'late', 'failed']);
});

test('after the end nobody is called, and answers that still come do no harm', () => {
  const { client, asked, outcomes, ask } = open();
  ask();
  client.close();
  client.answer(asked[0]!.id, 5);
  assert.deepEqual(outcomes, []);
});
