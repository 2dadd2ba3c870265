/**
 * What the scan of a request body costs against what it replaces, `toString` + `JSON.parse`: pairs measured one right after
 * the other, the ratio of each pair, the median of all (the machine's own noise hits both sides of a pair alike).
 * Run: `node_modules/.bin/node native-bench/micro/scan.ts [--quick | --ratio]`; one line of JSON a case. `--quick` only shows that it
 * runs, `--ratio` takes the first case alone, with fewer pairs: what a test holds.
 */
import { isScanError } from '../../src/wire/facts.ts';
import { Scanner, scan } from '../../src/wire/scan.ts';

const quick = process.argv.includes('--quick');
const ratioOnly = process.argv.includes('--ratio');
const PAIRS = quick ? 3 : ratioOnly ? 101 : 301;
const BODY_BYTES = quick ? 60_000 : 550_000;
const IMAGE_BYTES = quick ? 2_500_000 : 24_000_000;
const SLICE_BYTES = 1_048_576;
const DEPTH_MAX = 256;

const PROSE = 'You are an agent working with the user in a terminal. Use the tools below; say what you did and why. ';
const CODE = [
  'import { readFile } from "node:fs/promises";',
  '',
  'export async function load(path: string): Promise<Config> {',
  '\tconst text = await readFile(path, "utf8");',
  "  if (text === '') throw new Error(path + ': empty\\n');",
  '  return parse(text, { strict: true, columns: 120 });',
  '}',
].join('\n');
/** A paragraph of typographic and Chinese text: its decoded string needs two bytes a character. */
const WIDE = 'The user’s “plan” — 先读取文件，再修改代码 → 完成 ✓. ';

function tool(index: number): object {
  const property = (name: string): [string, object] => [
    name,
    { type: 'string', description: `The ${name} that this tool works on, as an absolute path or a plain name` },
  ];
  const properties = Object.fromEntries(['file_path', 'pattern', 'description', 'old_string', 'limit'].map(property));
  const input_schema = { type: 'object', properties, required: ['file_path'], additionalProperties: false };
  return { name: `Tool${index}`, description: `${PROSE}\n- `.repeat(12), input_schema };
}

/** One turn of a session: the assistant calls a tool, the user's side answers with a file. */
function turn(index: number, wide: boolean): object[] {
  const id = `toolu_01${index.toString(36).padStart(20, 'A')}`;
  const input = { file_path: `/home/user/project/src/module-${index}.ts`, offset: index, limit: 200 };
  const text = `I will read the next module.\n${wide ? WIDE.repeat(3) : PROSE}`;
  const file = Array.from({ length: 14 }, (_, line) => `${line + 1}\t${CODE}`).join('\n');
  return [
    {
      role: 'assistant',
      content: [
        { type: 'text', text },
        { type: 'tool_use', id, name: 'Read', input },
      ],
    },
    { role: 'user', content: [{ type: 'tool_result', tool_use_id: id, content: [{ type: 'text', text: file }] }] },
  ];
}

/** A body shaped like Claude Code's, of about `bytes` bytes: tools and prompts of a recorded request, then turns. */
function claudeCodeBody(bytes: number, wide: boolean): Buffer {
  const cache_control = { type: 'ephemeral' };
  const body = {
    model: 'claude-opus-5-5',
    messages: [{ role: 'user', content: [{ type: 'text', text: 'Go through the modules.' }] }] as object[],
    system: [
      { type: 'text', text: 'x-anthropic-billing-header: cc_version=2.1.330.440; cc_entrypoint=sdk-cli;' },
      { type: 'text', text: `${PROSE}\n\n`.repeat(140), cache_control },
    ],
    tools: Array.from({ length: 20 }, (_, index) => tool(index)),
    metadata: { user_id: JSON.stringify({ device_id: '0'.repeat(64), account_uuid: '', session_id: 'a-b-c-d' }) },
    max_tokens: 32_000,
    thinking: { type: 'adaptive' },
    stream: true,
  };
  let size = Buffer.byteLength(JSON.stringify(body));
  for (let index = 0; size < bytes; index++) {
    const pair = turn(index, wide);
    size += Buffer.byteLength(JSON.stringify(pair));
    body.messages.push(...pair);
  }
  return Buffer.from(JSON.stringify(body));
}

/** Microseconds of one run, of several in a row. */
function timeUs(run: () => void, times = 1): number {
  const start = process.hrtime.bigint();
  for (let time = 0; time < times; time++) run();
  return Number(process.hrtime.bigint() - start) / 1000 / times;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}

let kept: unknown;

function pairsCase(name: string, body: Buffer): void {
  const times = quick ? 1 : Math.ceil(20_000 / body.length);
  const scanUs: number[] = [];
  const parseUs: number[] = [];
  const ratios: number[] = [];
  for (let pair = 0; pair < PAIRS; pair++) {
    const ours = timeUs(() => {
      kept = scan(body, DEPTH_MAX);
    }, times);
    const theirs = timeUs(() => {
      kept = JSON.parse(body.toString());
    }, times);
    scanUs.push(ours);
    parseUs.push(theirs);
    ratios.push(ours / theirs);
  }
  const result = scan(body, DEPTH_MAX);
  if (isScanError(result) || result.fieldError !== null) throw new Error(`${name}: the body should be accepted`);
  const figures = { ratio: median(ratios), scanUs: median(scanUs), parseUs: median(parseUs) };
  report(name, body.length, { ns: (figures.scanUs * 1000) / body.length, ...figures });
}

/** The longest stretch between two ticks when a large body is scanned in slices. */
function slicesCase(name: string, body: Buffer): void {
  const longest: number[] = [];
  let slices = 0;
  for (let round = 0; round < (quick ? 2 : 9); round++) {
    const scanner = new Scanner(body, DEPTH_MAX);
    let worst = 0;
    let more = true;
    for (slices = 0; more; slices++) {
      const us = timeUs(() => {
        more = scanner.step(SLICE_BYTES) === 'more';
      });
      worst = Math.max(worst, us);
    }
    longest.push(worst);
  }
  const longestSliceUs = median(longest);
  report(name, body.length, { ns: (longestSliceUs * 1000) / SLICE_BYTES, slices, longestSliceUs });
}

/** `ns` is nanoseconds a byte. */
function report(name: string, bytes: number, figures: Record<string, number>): void {
  const shown = Object.fromEntries(Object.entries(figures).map(([key, value]) => [key, rounded(value)]));
  process.stdout.write(`${JSON.stringify({ bench: 'scan', case: name, bytes, ...shown })}\n`);
}

function otherCases(): void {
  const request = { model: 'claude-opus-5-5', max_tokens: 1024 };
  const image = { type: 'base64', media_type: 'image/png', data: 'iVBORw0KGgoAAAANSUhEUg'.repeat(IMAGE_BYTES / 22) };
  const imageMessage = { role: 'user', content: [{ type: 'image', source: image }] };
  pairsCase('Claude Code, wide characters', claudeCodeBody(BODY_BYTES, true));
  pairsCase('Claude Code, indented', Buffer.from(JSON.stringify(JSON.parse(plain.toString()), null, 2)));
  pairsCase('small', Buffer.from(JSON.stringify({ ...request, messages: [{ role: 'user', content: 'hi' }] })));
  slicesCase('image in slices', Buffer.from(JSON.stringify({ ...request, messages: [imageMessage] })));
  const dense = Array.from({ length: IMAGE_BYTES / 16 }, () => [0]);
  slicesCase('dense brackets in slices', Buffer.from(JSON.stringify({ ...request, messages: [], dense })));
}

const plain = claudeCodeBody(BODY_BYTES, false);
pairsCase('Claude Code, ASCII', plain);
if (!ratioOnly) otherCases();
if (kept === undefined) throw new Error('nothing was measured');
