import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ByteBudget, byteBudgetBytes } from '#coordinate/local/byte-budget.ts';
import { StreamCrossing, WholeCrossing } from '#edge/crossed-answer.ts';
import type { AnswerContext, Crossing, JsonObject, StreamConverter } from '#wire/convert/crossing.ts';

const CONTEXT = {} as AnswerContext;
const crossing = {
  answer: (body: object) => ({ turned: body }),
  error: (status: number, body: object | null) => ({ status, error: body }),
} as unknown as Crossing;

function makeBudget(bytes = 1 << 20): ByteBudget {
  return new ByteBudget(new SharedArrayBuffer(byteBudgetBytes(1)), bytes, 0);
}

test('a whole answer is kept within its bound, turned at its end, and its budget given back', () => {
  const budget = makeBudget();
  const whole = new WholeCrossing(crossing, CONTEXT, 200, 10_000, budget);
  assert.equal(whole.push(Buffer.from('{"a":')), null);
  assert.equal(whole.push(Buffer.from('1}')), null);
  assert.deepEqual([whole.budgetedBytes, budget.usedBytes], [1024, 1024]);
  assert.equal(whole.end()?.toString(), '{"turned":{"a":1}}');
  assert.deepEqual([whole.failure, budget.usedBytes], [null, 0]);
});

test('an error is turned even when it is no JSON; an answer then fails', () => {
  for (const [status, expected] of [
    [500, '{"status":500,"error":null}'],
    [200, undefined],
  ] as const) {
    const budget = makeBudget();
    const whole = new WholeCrossing(crossing, CONTEXT, status, 100, budget);
    whole.push(Buffer.from('<html>'));
    assert.equal(whole.end()?.toString(), expected);
    assert.deepEqual([whole.failure, budget.usedBytes], [status === 200 ? 'upstream_broken' : null, 0]);
  }
});

test('beyond its bound a whole answer fails as broken, beyond the budget by our fault, and gives back what it had', () => {
  for (const [bytesMax, budgetBytes, failure] of [
    [3_000, 1 << 20, 'upstream_broken'],
    [1 << 20, 2_048, 'answer_budget_exhausted'],
  ] as const) {
    const budget = makeBudget(budgetBytes);
    const whole = new WholeCrossing(crossing, CONTEXT, 200, bytesMax, budget);
    whole.push(Buffer.alloc(1_500));
    assert.equal(whole.failure, null);
    whole.push(Buffer.alloc(2_500));
    assert.deepEqual([whole.failure, whole.end()], [failure, null]);
    whole.drop();
    assert.equal(budget.usedBytes, 0);
  }
});

/** Says each event's `n` as an event of its own. */
const counting: StreamConverter = {
  outcome: 'whole',
  event: (_name, data) => `data: {"n":${Number((data as { n: number }).n)}}\n\n`,
  end: () => 'data: {"end":1}\n\n',
  heldChars: 0,
};

function streamed(pieces: readonly string[], asArray: boolean, budget = makeBudget()): string {
  const stream = new StreamCrossing(counting, 1 << 20, budget, asArray);
  const out = pieces.map((piece) => stream.push(Buffer.from(piece)) ?? Buffer.alloc(0));
  const text = Buffer.concat([...out, stream.end() ?? Buffer.alloc(0)]).toString();
  stream.drop();
  assert.equal(budget.usedBytes, 0);
  return text;
}

test('a stream is turned event by event, as events or as one array, under any chunking', () => {
  const text = ': hi\r\n\r\ndata: {"n":1}\n\ndata: no JSON\n\nevent: x\ndata:{"n":\ndata: 2}\r\rdata: {"n":3}';
  const events = [1, 2, 3].map((n) => `data: {"n":${n}}\n\n`).join('');
  for (const pieces of [[text], [...text]]) {
    assert.equal(streamed(pieces, false), `${events}data: {"end":1}\n\n`);
    assert.deepEqual(JSON.parse(streamed(pieces, true)), [{ n: 1 }, { n: 2 }, { n: 3 }, { end: 1 }]);
  }
});

test('an array whose first element has left awaits a comma; events never do', () => {
  for (const asArray of [true, false]) {
    const stream = new StreamCrossing(counting, 1 << 20, makeBudget(), asArray);
    stream.push(Buffer.from('data: {"n":'));
    assert.equal(stream.awaitsComma, false);
    stream.push(Buffer.from('1}\n\ndata: '));
    assert.equal(stream.awaitsComma, asArray);
    stream.drop();
  }
});

test('half an event beyond 64 KiB draws on the budget until it is whole; one beyond the bound fails', () => {
  const budget = makeBudget();
  const stream = new StreamCrossing(counting, 200_000, budget, false);
  stream.push(Buffer.from('data: {"n":1,"x":"'));
  assert.equal(budget.usedBytes, 0, 'a small one counts to the exchange');
  stream.push(Buffer.alloc(100_000, 0x78));
  assert.ok(budget.usedBytes >= 100_000 && stream.budgetedBytes === budget.usedBytes);
  assert.equal(stream.push(Buffer.from('"}\n\n'))?.toString(), 'data: {"n":1}\n\n');
  assert.equal(budget.usedBytes, 0);
  stream.push(Buffer.from(`data: {"n":2,"x":"${'x'.repeat(300_000)}"}\n\n`));
  assert.equal(stream.failure, 'upstream_broken');
  stream.drop();
  assert.equal(budget.usedBytes, 0);
});

test('without budget a long event fails by our fault', () => {
  const stream = new StreamCrossing(counting, 1 << 20, makeBudget(10_240), false);
  stream.push(Buffer.from(`data: "${'x'.repeat(100_000)}`));
  assert.equal(stream.failure, 'answer_budget_exhausted');
  stream.drop();
});

/** Keeps what each event says until `[DONE]`, as the converters of some directions do. */
class Keeping implements StreamConverter {
  readonly outcome = 'whole';
  heldChars = 0;

  event(_name: string, data: JsonObject): string {
    this.heldChars = data['end'] === true ? 0 : this.heldChars + String(data['x']).length;
    return 'data: {}\n\n';
  }

  end(): string {
    return '';
  }
}

const kept = (chars: number): Buffer => Buffer.from(`data: {"x":"${'x'.repeat(chars)}"}\n\n`);

test('what a converter keeps draws on the budget beyond 64 KiB, together with half an event, until it is said or dropped', () => {
  for (const isSaid of [true, false]) {
    const budget = makeBudget();
    const stream = new StreamCrossing(new Keeping(), 1 << 20, budget, false);
    for (let i = 0; i < 6; i++) stream.push(kept(10_000));
    assert.equal(budget.usedBytes, 0, 'so much counts to the exchange');
    for (let i = 0; i < 6; i++) stream.push(kept(10_000));
    assert.equal(budget.usedBytes, Math.ceil(120_000 / 1024) * 1024);
    stream.push(Buffer.alloc(50_000, 0x78));
    assert.ok(budget.usedBytes >= 170_000 && stream.budgetedBytes === budget.usedBytes);
    if (isSaid) stream.push(Buffer.from('\n\ndata: {"end":true}\n\n'));
    else stream.drop();
    assert.deepEqual([stream.failure, budget.usedBytes], [null, 0]);
  }
});

test('a converter that keeps more than the bound fails as broken, and beyond the budget by our fault', () => {
  for (const [bytesMax, budgetBytes, failure] of [
    [200_000, 1 << 20, 'upstream_broken'],
    [1 << 20, 200_000, 'answer_budget_exhausted'],
  ] as const) {
    const budget = makeBudget(budgetBytes);
    const stream = new StreamCrossing(new Keeping(), bytesMax, budget, false);
    let chars = 0;
    for (; stream.failure === null && chars < 1e6; chars += 10_000) stream.push(kept(10_000));
    assert.deepEqual([stream.failure, chars], [failure, bytesMax === 200_000 ? 210_000 : 200_000]);
    assert.ok(budget.usedBytes <= 201_000);
    stream.drop();
    assert.equal(budget.usedBytes, 0);
  }
});

test('an error in place of an answer is found whole, in the first event, behind others, bare, or without its last line end', () => {
  const error = { message: 'no' };
  const text = JSON.stringify({ error });
  const whole = new WholeCrossing(crossing, CONTEXT, 200, 10_000, makeBudget());
  for (const byte of text) whole.push(Buffer.from(byte));
  assert.deepEqual(whole.errorSaid(), { error });
  const first = `data: ${text}\n\n`;
  const bare = `${JSON.stringify({ error }, null, 2)}\r\n\r\n`;
  for (const events of [first, `data: {"n":1}\n\n${first}`, bare, `: hi\n\n${bare}`, first.trimEnd()]) {
    const stream = new StreamCrossing(counting, 1 << 20, makeBudget(), false);
    for (const byte of events) stream.push(Buffer.from(byte));
    assert.deepEqual(stream.errorSaid(), { error }, events);
    stream.drop();
  }
});

test('an answer that is none, or is not whole, has no words of an error', () => {
  for (const text of ['{"a":1}', '{"error":{"mess', '<html>', '']) {
    const whole = new WholeCrossing(crossing, CONTEXT, 200, 10_000, makeBudget());
    whole.push(Buffer.from(text));
    assert.equal(whole.errorSaid(), null, text);
    const stream = new StreamCrossing(counting, 1 << 20, makeBudget(), false);
    stream.push(Buffer.from(`data: ${text}\n\n`));
    assert.equal(stream.errorSaid(), null, text);
    stream.drop();
  }
});
