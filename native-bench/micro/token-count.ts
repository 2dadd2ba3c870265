/**
 * What counting tokens costs and how far the byte rules are from it, on several kinds of text: tokens a second and CPU a MiB of the
 * counting itself (as a worker does it, vocabulary loaded), bytes a token, and by how many percent ⌈bytes / 2.5⌉ (`meter/reserve.ts`)
 * and ⌈bytes / 3⌉ (`meter/generated-text.ts`) say more tokens than `o200k_base` has.
 * Run: `node_modules/.bin/node native-bench/micro/token-count.ts [--quick]`; one line of JSON a case. `--quick` only shows that it runs.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { estimateOutputTokens } from '../../src/meter/generated-text.ts';
import { estimateInputTokens } from '../../src/meter/reserve.ts';
import type { CountJob } from '../../src/tokenizer/count-job.ts';
import { estimateFromBytes, methodFor } from '../../src/tokenizer/count-method.ts';
import { countTexts } from '../../src/tokenizer/count-texts.ts';
import { loadVocabulary } from '../../src/tokenizer/vocabulary.ts';
import { CHINESE, ENGLISH, GERMAN } from './prose.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
const quick = process.argv.includes('--quick');
const ROUNDS = quick ? 1 : 5;
const BYTES = quick ? 20_000 : 1_048_576;

const vocabulary = await loadVocabulary('o200k_base');

function jobOf(text: Buffer): CountJob {
  const ranges = new Int32Array([0, text.length]);
  const buffer = new Uint8Array(text).buffer;
  return { encoding: 'o200k_base', buffer, ranges, escapedCells: 0, untilMs: Number.POSITIVE_INFINITY };
}

function percentMore(estimate: number, tokens: number): number {
  return Math.round((estimate / tokens - 1) * 100);
}

/**
 * `text` is counted once as it is, for its figures, and repeated to `BYTES` for the time: words that are no token are then merged once and
 * found again, as in a conversation that repeats itself. Merges are forgotten before each round.
 */
function bench(name: string, text: string): void {
  const once = Buffer.from(text);
  const tokens = countTexts(jobOf(once), vocabulary) as number;
  const long = jobOf(Buffer.from(text.repeat(Math.ceil(BYTES / once.length))));
  let best = Number.POSITIVE_INFINITY;
  let counted = 0;
  for (let round = 0; round < ROUNDS; round++) {
    vocabulary.forget();
    const start = process.cpuUsage();
    counted = countTexts(long, vocabulary) as number;
    const { user, system } = process.cpuUsage(start);
    best = Math.min(best, (user + system) * 1000);
  }
  const bytes = once.length;
  const figures = {
    bytes,
    ns: Math.round((best / counted) * 10) / 10,
    tokensPerSecond: Math.round((counted / best) * 1e9),
    cpuMsPerMib: Math.round((best / 1e6 / long.buffer.byteLength) * 1_048_576),
    bytesPerToken: Math.round((bytes / tokens) * 100) / 100,
    inputRulePercent: percentMore(estimateInputTokens({ textBytes: bytes, toolsCount: 0 }), tokens),
    outputRulePercent: percentMore(estimateOutputTokens(bytes), tokens),
  };
  process.stdout.write(`${JSON.stringify({ bench: 'token-count', case: name, unit: 'token', ...figures })}\n`);
}

function read(...path: string[]): string {
  return readFileSync(join(ROOT, ...path), 'utf8');
}

/** The product's own code: what agents send most of. */
function code(): string {
  const folder = join(ROOT, 'src/edge');
  return readdirSync(folder)
    .map((name) => read('src/edge', name))
    .join('\n');
}

function base64(bytes: number): string {
  let state = 1;
  const noise = Buffer.alloc(bytes);
  for (let at = 0; at < bytes; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    noise[at] = state >>> 24;
  }
  return noise.toString('base64');
}

function byteRule(): void {
  const method = methodFor('claude-opus-5-5');
  const count = quick ? 1_000 : 1_000_000;
  let sum = 0;
  const start = process.hrtime.bigint();
  for (let i = 0; i < count; i++) sum += estimateFromBytes(method, i);
  const ns = Number(process.hrtime.bigint() - start) / count;
  if (sum === 0) throw new Error('nothing was estimated');
  process.stdout.write(
    `${JSON.stringify({ bench: 'token-count', case: 'byte rule', unit: 'text', ns: Math.round(ns * 100) / 100 })}\n`,
  );
}

bench('English prose', ENGLISH);
bench('technical English', read('src/ARCHITECTURE.md'));
bench('TypeScript', code());
bench('JSON, indented', read('package.json') + read('config/prices.json'));
bench('JSON, dense', JSON.stringify(JSON.parse(read('config/prices.json'))));
bench('Chinese', CHINESE);
bench('German', GERMAN);
bench('base64', base64((BYTES * 3) / 4));
bench('random words', base64(BYTES * 2).replaceAll(/[^b-z]+/g, ' '));
bench('one letter', 'a'.repeat(64_000));
bench('random letters', base64(BYTES * 2).replaceAll(/[^a-z]/g, ''));
byteRule();
