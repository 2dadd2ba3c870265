/**
 * Random Messages requests and random damage to them, for the scan's comparison with its oracle. Everything comes from one
 * seeded generator, so that a failure can be repeated.
 */
export type Random = () => number;

export function below(random: Random, limit: number): number {
  return Math.floor(random() * limit);
}

function pick<T>(random: Random, choices: readonly T[]): T {
  return choices[below(random, choices.length)]!;
}

const PIECES = [
  'a',
  'text',
  ' ',
  '\\n',
  '\\"',
  '\\\\',
  '\\/',
  '\\u0041',
  '\\ud83d\\ude00',
  '\\ud800',
  'é',
  '漢',
  '😀',
  '\x7f',
];

/** JSON string contents: raw characters of one to four bytes and every kind of escape. */
function rawString(random: Random, piecesMax = 12): string {
  let raw = '';
  for (let count = below(random, piecesMax); count > 0; count--) raw += pick(random, PIECES);
  return raw;
}

function space(random: Random): string {
  return random() < 0.8 ? '' : pick(random, [' ', '\n', '\t', '\r\n', '   \n    ']);
}

/** A key as it is or with one letter escaped. */
function key(random: Random, name: string): string {
  if (random() < 0.95 || name === '') return `"${name}"`;
  const at = below(random, name.length);
  const code = name.charCodeAt(at).toString(16).padStart(4, '0');
  return `"${name.slice(0, at)}\\u${code}${name.slice(at + 1)}"`;
}

type Member = readonly [name: string, value: string];

function object(random: Random, members: readonly Member[]): string {
  const list = members.map(
    ([name, value]) => `${space(random)}${key(random, name)}${space(random)}:${space(random)}${value}${space(random)}`,
  );
  return `{${list.join(',')}}`;
}

function array(random: Random, count: number, element: () => string): string {
  return `[${space(random)}${Array.from({ length: count }, element).join(`${space(random)},`)}]`;
}

const NUMBERS = [
  '0',
  '-0',
  '1',
  '42',
  '1024',
  '-1',
  '1.5',
  '1e3',
  '1E-2',
  '10.00',
  '1e400',
  '9007199254740993',
  '123456789012345678901',
];

/** Any JSON value, nested a few levels. */
function anyValue(random: Random, depth = 3): string {
  const choice = below(random, depth > 0 ? 7 : 5);
  if (choice === 0) return `"${rawString(random)}"`;
  if (choice === 1) return pick(random, NUMBERS);
  if (choice < 5) return pick(random, ['true', 'false', 'null']);
  if (choice === 5) return array(random, below(random, 4), () => anyValue(random, depth - 1));
  const names = ['a', 'text', 'content', 'cache_control', 'model', '__proto__', ''];
  return object(
    random,
    Array.from({ length: below(random, 4) }, () => [pick(random, names), anyValue(random, depth - 1)]),
  );
}

/** Mostly what belongs there, now and then anything. */
function mostly(random: Random, usual: () => string): string {
  return random() < 0.93 ? usual() : anyValue(random);
}

function block(random: Random, depth: number): string {
  const members: Member[] = [];
  const kinds: ((random: Random) => Member)[] = [
    () => ['type', '"text"'],
    () => ['text', mostly(random, () => `"${rawString(random)}"`)],
    () => ['content', mostly(random, () => content(random, depth))],
    () => ['cache_control', mostly(random, () => '{"type":"ephemeral"}')],
    () => ['input', anyValue(random)],
    () => ['tool_use_id', '"toolu_1"'],
  ];
  for (let count = 1 + below(random, 5); count > 0; count--) members.push(pick(random, kinds)(random));
  return object(random, members);
}

function content(random: Random, depth: number): string {
  if (depth === 0 || random() < 0.3) return `"${rawString(random)}"`;
  return array(random, below(random, 4), () => mostly(random, () => block(random, depth - 1)));
}

/** One request: valid JSON, its fields mostly right, some of them given twice. */
export function randomRequest(random: Random): string {
  const blocks = (): string => array(random, below(random, 5), () => mostly(random, () => block(random, 3)));
  const fields: (() => Member)[] = [
    () => ['model', mostly(random, () => pick(random, ['"claude-opus-5-5"', '"m\\u00e9"', '"漢"', '""', '"a\\\\b"']))],
    () => ['messages', mostly(random, blocks)],
    () => ['system', mostly(random, () => (random() < 0.5 ? `"${rawString(random)}"` : blocks()))],
    () => ['tools', mostly(random, blocks)],
    () => ['max_tokens', mostly(random, () => pick(random, ['1', '1024', '1e3', '2.0', '0', '-5', '1.5', '1e400']))],
    () => ['stream', mostly(random, () => pick(random, ['true', 'false']))],
    () => ['metadata', mostly(random, () => object(random, metadata()))],
    () => ['thinking', anyValue(random)],
  ];
  const metadata = (): Member[] =>
    Array.from({ length: below(random, 3) }, () => ['user_id', mostly(random, () => `"${rawString(random)}"`)]);
  const members = [fields[0]!(), fields[1]!()];
  for (let count = below(random, 8); count > 0; count--) members.push(pick(random, fields)());
  members.sort(() => random() - 0.5);
  return `${space(random)}${random() < 0.97 ? object(random, members) : anyValue(random)}${space(random)}`;
}

/** Bytes that matter to the grammar, to UTF-8 and to nothing. */
const BYTES = [
  ...Buffer.from('"\\{}[]:,0123-+.eEtfnu \n\t/abx'),
  0,
  1,
  0x1f,
  0x7f,
  0x80,
  0xbf,
  0xc0,
  0xc3,
  0xe2,
  0xed,
  0xef,
  0xf0,
  0xf4,
  0xff,
];

/** A copy with one piece of damage: a byte changed, put in or taken out, the end cut off, or a stretch repeated. */
export function damage(random: Random, bytes: Buffer): Buffer {
  const at = below(random, bytes.length + 1);
  const until = Math.min(bytes.length, at + 1 + below(random, random() < 0.7 ? 3 : 40));
  const [before, stretch, after] = [bytes.subarray(0, at), bytes.subarray(at, until), bytes.subarray(until)];
  switch (below(random, 6)) {
    case 0:
      return Buffer.concat([before, Buffer.of(pick(random, BYTES)), bytes.subarray(at + 1)]);
    case 1:
      return Buffer.concat([before, Buffer.of(pick(random, BYTES)), bytes.subarray(at)]);
    case 2:
      return Buffer.concat([before, after]);
    case 3:
      return Buffer.from(before);
    case 4:
      return Buffer.concat([before, stretch, stretch, after]);
    default: {
      const flipped = Buffer.from(bytes);
      if (at < flipped.length) flipped[at]! ^= 1 << below(random, 8);
      return flipped;
    }
  }
}
