import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ByteBudget, byteBudgetBytes } from '#coordinate/local/byte-budget.ts';
import { AnswerTexts } from '#edge/answer-texts.ts';

function make(bytesMax: number, budgetBytes = 1 << 20): { texts: AnswerTexts; budget: ByteBudget } {
  const budget = new ByteBudget(new SharedArrayBuffer(byteBudgetBytes(1)), budgetBytes, 0);
  return { texts: new AnswerTexts(budget, bytesMax), budget };
}

function add(texts: AnswerTexts, text: number, words: string): void {
  const bytes = Buffer.from(`<${words}>`);
  texts.add(text, bytes, 1, bytes.length - 1);
}

function gathered(texts: AnswerTexts): { escaped: string[]; plain: string[] } | null {
  if (texts.texts === null) return null;
  const { body, texts: lists, plain } = texts.texts;
  const read = (cells: Int32Array): string[] =>
    Array.from({ length: cells.length / 2 }, (_, i) =>
      Buffer.from(body.subarray(cells[2 * i]!, cells[2 * i + 1]!)).toString(),
    );
  return { escaped: lists.flatMap(read), plain: plain.flatMap(read) };
}

test('pieces of one text are joined, texts of other numbers and those behind a border are not', () => {
  const { texts, budget } = make(100_000);
  add(texts, 3, 'Hel');
  add(texts, 3, 'lo');
  add(texts, 4, 'other');
  add(texts, 3, 'again');
  texts.next();
  add(texts, 3, 'x'.repeat(5_000));
  add(texts, -1, '{"a":');
  add(texts, -1, '1}');
  assert.deepEqual(gathered(texts), {
    escaped: ['Hello', 'other', 'again', 'x'.repeat(5_000)],
    plain: ['{"a":1}'],
  });
  assert.equal(texts.budgetedBytes, budget.usedBytes);
  assert.ok(budget.usedBytes >= 5_000);
  texts.reset();
  assert.deepEqual([gathered(texts), budget.usedBytes], [{ escaped: [], plain: [] }, 0]);
});

test('beyond its cap or the budget, or when part of a text is missing, nothing is kept until the next answer', () => {
  const many = (texts: AnswerTexts): void => {
    for (let i = 0; i < 200; i++) add(texts, i % 2, 'short');
  };
  for (const [bytesMax, budgetBytes, fill] of [
    [1_024, 1 << 20, (texts: AnswerTexts) => add(texts, 0, 'x'.repeat(1_025))],
    [2_048, 1 << 20, many],
    [100_000, 4_096, (texts: AnswerTexts) => add(texts, 0, 'x'.repeat(5_000))],
    [100_000, 1 << 20, (texts: AnswerTexts) => texts.lose()],
    [100_000, 1 << 20, (texts: AnswerTexts) => texts.drop()],
  ] as const) {
    const { texts, budget } = make(bytesMax, budgetBytes);
    add(texts, 0, 'before');
    fill(texts);
    add(texts, 0, 'behind');
    assert.deepEqual([gathered(texts), budget.usedBytes], [null, 0]);
    texts.reset();
    add(texts, 0, 'anew');
    assert.deepEqual(gathered(texts)?.escaped, ['anew']);
  }
});
