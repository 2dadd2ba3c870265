import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StartupError } from '#base/startup-error.ts';
import { findPrice, loadPrices, parsePrices } from '#meter/prices.ts';

const SHIPPED = new URL('../../config/prices.json', import.meta.url).pathname;

const MODEL = { input: '3', output: '15', cacheRead: '0.30', cacheWrite5m: '3.75', cacheWrite1h: '6' };
const FALLBACK = { input: 20, output: 100, cacheRead: 2, cacheWrite5m: 25, cacheWrite1h: '40' };

function file(models: unknown, changes: object = {}): object {
  return { source: 'a list', date: '2026-01-31', webSearchPer1000: '10', models, ...changes };
}

test('the shipped table names its source and date and converts exactly', () => {
  const table = loadPrices(SHIPPED);
  assert.match(table.sources[0]!.source, /https:\/\/platform\.claude\.com\//);
  for (const { date } of table.sources) assert.match(date, /^2026-/);
  assert.deepEqual(findPrice(table, 'claude-sonnet-4-5'), {
    name: 'claude-sonnet-4-5',
    input: 3_000_000,
    output: 15_000_000,
    cacheRead: 300_000,
    cacheWrite5m: 3_750_000,
    cacheWrite1h: 6_000_000,
    audioInput: 3_000_000,
    audioOutput: 15_000_000,
    imageInput: 3_000_000,
    imageOutput: 15_000_000,
    webSearch: 10_000_000_000,
    perItem: 0,
    perItemBy: null,
    perSecond: 0,
    longPrompt: null,
    tiers: null,
  });
  const haiku = findPrice(table, 'claude-haiku-5-5');
  assert.equal(haiku?.cacheRead, 10_000);
  assert.deepEqual(haiku?.longPrompt, {
    overTokens: 100_000,
    input: 500_000,
    output: 2_500_000,
    cacheRead: 50_000,
    cacheWrite5m: 625_000,
    cacheWrite1h: 1_000_000,
    audioInput: 500_000,
    audioOutput: 2_500_000,
    imageInput: 500_000,
    imageOutput: 2_500_000,
  });
});

test('in the shipped table of Anthropic output is dearest, cache reads are cheapest, and a write is never below input', () => {
  for (const price of loadPrices(SHIPPED).prices.values()) {
    if (!price.name.startsWith('claude-')) continue;
    for (const rates of [price, price.longPrompt ?? price]) {
      assert.ok(rates.output > rates.cacheWrite1h && rates.cacheWrite1h > rates.cacheWrite5m, price.name);
      assert.ok(rates.cacheWrite5m > rates.input && rates.input > rates.cacheRead, price.name);
    }
  }
});

test('in the shipped table no cache read is above input, no long prompt is cheaper, flex saves and priority costs', () => {
  for (const price of loadPrices(SHIPPED).prices.values()) {
    const { name, longPrompt, tiers } = price;
    const [flex, priority] = [tiers?.get('flex'), tiers?.get('priority')];
    for (const rates of [price, longPrompt, flex, flex?.longPrompt, priority, priority?.longPrompt]) {
      if (rates == null) continue;
      assert.ok(rates.cacheRead <= rates.input && rates.input <= rates.cacheWrite5m, name);
      assert.ok(rates.output > rates.input || rates.output === 0, name);
      assert.ok(rates.audioInput >= rates.input && rates.imageOutput >= rates.output, name);
    }
    assert.ok(
      (longPrompt?.input ?? price.input + 1) > price.input && (longPrompt?.output ?? price.output) >= price.output,
    );
    assert.ok((flex?.input ?? 0) <= price.input && (flex?.output ?? 0) <= price.output, name);
    assert.ok(
      (priority?.input ?? price.input) >= price.input && (priority?.output ?? price.output) >= price.output,
      name,
    );
    assert.ok(price.input > 0 || price.perSecond > 0, `${name} is not for nothing`);
  }
});

test('the shipped table prices models of every platform, by their dated names too', () => {
  const table = loadPrices(SHIPPED);
  const priceOf = (model: string) => findPrice(table, model)!;
  assert.deepEqual([priceOf('gpt-5.5-2026-04-23').input, priceOf('gpt-5.5').output], [5_000_000, 30_000_000]);
  assert.equal(priceOf('gpt-5.5').tiers?.get('flex')?.cacheRead, 250_000);
  assert.deepEqual(priceOf('gpt-5.5').longPrompt?.overTokens, 272_000);
  assert.equal(priceOf('gpt-4o-audio-preview-2024-12-17').audioOutput, 80_000_000);
  assert.deepEqual([priceOf('text-embedding-3-small').input, priceOf('text-embedding-3-small').output], [20_000, 0]);
  const pro = priceOf('gemini-2.5-pro');
  assert.deepEqual(
    [pro.longPrompt?.overTokens, pro.longPrompt?.output, pro.webSearch],
    [200_000, 15_000_000, 35_000_000_000],
  );
  assert.equal(priceOf('gemini-2.5-flash-image').imageOutput, 30_000_000);
  assert.equal(priceOf('sora-2').perSecond, 100_000_000_000);
});

test('a model is found by name, alias, without its date and without -latest', () => {
  const table = loadPrices(SHIPPED);
  const nameOf = (model: string) => findPrice(table, model)?.name;
  assert.equal(nameOf('claude-opus-4-5'), 'claude-opus-4-5');
  assert.equal(nameOf('claude-opus-4-0'), 'claude-opus-4');
  assert.equal(nameOf('claude-opus-4-20250514'), 'claude-opus-4');
  assert.equal(nameOf('claude-sonnet-4-5-20250929'), 'claude-sonnet-4-5');
  assert.equal(nameOf('claude-haiku-4-5-20251001'), 'claude-haiku-4-5');
  assert.equal(nameOf('claude-3-5-haiku-latest'), 'claude-3-5-haiku');
  assert.equal(nameOf('claude-3-haiku-20240307'), 'claude-3-haiku');
  for (const unknown of [
    '',
    'gpt-2',
    'claude',
    'claude-sonnet-4-5-2025',
    'claude-opus-4-51',
    'x-latest',
    '__proto__',
  ]) {
    assert.equal(findPrice(table, unknown), null, unknown);
  }
});

test('an exact entry goes before the one without the date', () => {
  const table = parsePrices(file({ 'm-20250101': { ...MODEL, input: '4' }, m: MODEL }), 'test');
  assert.equal(findPrice(table, 'm-20250101')?.input, 4_000_000);
  assert.equal(findPrice(table, 'm-20250102')?.input, 3_000_000);
  assert.equal(findPrice(table, 'm-2025-01-02')?.input, 3_000_000);
  assert.equal(findPrice(table, 'm-2025-01'), null);
});

test('a fallback price serves unknown models and only them', () => {
  const table = parsePrices(file({ m: MODEL }), 'test', FALLBACK);
  assert.equal(findPrice(table, 'm')?.name, 'm');
  const price = findPrice(table, 'unheard-of');
  assert.deepEqual([price?.name, price?.input, price?.cacheWrite1h], ['fallback', 20_000_000, 40_000_000]);
});

test('answers are remembered within a bound, whatever names clients ask for', () => {
  const table = parsePrices(file({ m: MODEL }), 'test');
  for (let i = 0; i < 10_000; i++) {
    assert.equal(findPrice(table, `unknown-${i}`), null);
    assert.equal(findPrice(table, 'm')?.name, 'm');
  }
  findPrice(table, 'x'.repeat(100_000));
  assert.ok(table.found.size <= 1_024);
  assert.ok([...table.found.keys()].every((name) => name.length <= 128));
});

test('a price of a few hundredths of a cent is exact and a finer one is refused', () => {
  const rate = (input: unknown) => findPrice(parsePrices(file({ m: { ...MODEL, input } }), 'test'), 'm')?.input;
  assert.equal(rate('0.0375'), 37_500);
  assert.equal(rate(0.0375), 37_500);
  assert.equal(rate('0.000001'), 1);
  assert.equal(rate('1000'), 1_000_000_000);
  for (const wrong of [
    '0.0000001',
    '1000.01',
    '-1',
    '',
    'three',
    '1e3',
    ' 3',
    '$3',
    null,
    undefined,
    [3],
    Number.NaN,
  ]) {
    assert.throws(() => rate(wrong), /models\.m\.input: expected USD per million tokens/, String(wrong));
  }
});

test('a table may have several sources, each with its date, its price of searches and its models', () => {
  const one = file({ a: MODEL });
  const two = { ...file({ b: MODEL }), source: 'another', date: '2026-02-01', webSearchPer1000: '14' };
  const table = parsePrices({ sources: [one, two] }, 'test', FALLBACK);
  assert.deepEqual(table.sources, [
    { source: 'a list', date: '2026-01-31' },
    { source: 'another', date: '2026-02-01' },
  ]);
  const searches = ['a', 'b', 'unheard-of'].map((model) => findPrice(table, model)?.webSearch);
  assert.deepEqual(searches, [10_000_000_000, 14_000_000_000, 10_000_000_000]);
  assert.throws(() => parsePrices({ sources: [one, one] }, 'test'), /test: sources\[1\]: models\.a: a has two prices/);
  assert.throws(() => parsePrices({ sources: [] }, 'test'), /test: sources: expected a list/);
  assert.throws(() => parsePrices({ sources: [one], date: 'x' }, 'test'), /test: unknown key date/);
});

test('what a price leaves out is charged as text; media has a price by item and second', () => {
  const priceOf = (model: object) => findPrice(parsePrices(file({ m: model }), 'test'), 'm')!;
  const text = priceOf({ input: '2', output: '8' });
  const { cacheRead, cacheWrite5m, cacheWrite1h, audioInput, imageInput, audioOutput, imageOutput } = text;
  assert.deepEqual([cacheRead, cacheWrite5m, cacheWrite1h, audioInput, imageInput], Array(5).fill(2_000_000));
  assert.deepEqual([audioOutput, imageOutput], [8_000_000, 8_000_000]);
  assert.deepEqual([text.perItem, text.perSecond], [0, 0]);
  const media = priceOf({ input: 0, output: 0, imageOutput: '30', perItem: '0.011', perSecond: 0.1 });
  assert.deepEqual([media.imageOutput, media.perItem, media.perSecond], [30_000_000, 11_000_000_000, 100_000_000_000]);
  for (const wrong of ['-1', '1000.1', '0.0000000001', 'x']) {
    assert.throws(
      () => priceOf({ input: 0, output: 0, perItem: wrong }),
      /models\.m\.perItem: expected USD, 0 to 1000/,
    );
  }
});

test('a service tier takes what it leaves out from the ordinary price, then from its text', () => {
  const tiers = { flex: { input: '1', output: '4' } };
  const price = findPrice(parsePrices(file({ m: { ...MODEL, audioInput: '40', tiers } }), 'test'), 'm')!;
  const flex = price.tiers!.get('flex')!;
  assert.deepEqual(
    [flex.input, flex.cacheRead, flex.audioInput, flex.imageInput],
    [1_000_000, 300_000, 40_000_000, 1_000_000],
  );
  assert.equal(flex.longPrompt, null);
});

test('a faulty table is refused with the place of the fault', () => {
  const faults: [unknown, RegExp][] = [
    [[], /test: expected an object/],
    [file({ m: MODEL }, { source: '' }), /test: source: expected text/],
    [file({ m: MODEL }, { date: 'today' }), /test: date: expected YYYY-MM-DD/],
    [file({ m: MODEL }, { webSearchPer1000: 'ten' }), /test: webSearchPer1000: expected USD per 1,000 searches/],
    [file({ m: MODEL }, { modles: {} }), /test: unknown key modles/],
    [file(null), /test: models: expected an object/],
    [file({ m: { ...MODEL, outptu: '1' } }), /test: models\.m: unknown key outptu/],
    [file({ m: { ...MODEL, aliases: 'n' } }), /models\.m\.aliases: expected a list/],
    [file({ m: { ...MODEL, aliases: ['n'] }, n: MODEL }), /models\.n: n has two prices/],
    [file({ m: { ...MODEL, tiers: 'flex' } }), /models\.m\.tiers: expected an object/],
    [file({ m: { ...MODEL, tiers: { flex: { input: '1' } } } }), /models\.m\.tiers\.flex\.output: expected USD/],
    [file({ m: { ...MODEL, perItem: { low: '1' } } }), /models\.m\.perItem\.low: expected prices by size/],
    [file({ m: { ...MODEL, perItem: { low: { big: 'x' } } } }), /models\.m\.perItem\.low\.big: expected USD/],
    [file({ m: { ...MODEL, tiers: { flex: { ...MODEL, perItem: '1' } } } }), /tiers\.flex: unknown key perItem/],
    [file({ m: { ...MODEL, longPrompt: MODEL } }), /models\.m\.longPrompt\.overTokens: expected a whole number/],
    [file({ m: { ...MODEL, longPrompt: { ...MODEL, overTokens: 1, input: 'x' } } }), /longPrompt\.input: expected USD/],
  ];
  for (const [content, message] of faults) {
    assert.throws(
      () => parsePrices(content, 'test'),
      (error) => error instanceof StartupError && message.test(error.message),
    );
  }
  assert.throws(() => loadPrices('/nowhere/prices.json'), /price table \/nowhere\/prices\.json: ENOENT/);
  assert.throws(() => loadPrices(new URL(import.meta.url).pathname), /price table .*prices\.test\.ts: /);
  assert.throws(() => parsePrices(file({}), 'test', { ...FALLBACK, input: -1 }), /pricing\.fallback\.input: expected/);
});
