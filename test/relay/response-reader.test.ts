/** The reader of responses against what it was given, against Node's parser, and against bytes that nobody should accept. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { HEAD_BYTES_MAX } from '#relay/response-head.ts';
import { ResponseReader } from '#relay/response-reader.ts';
import { NodeReader, type Reading, readCut } from '../support/relay-response.ts';
import { seededRandom } from '../support/seeded-random.ts';

const SEED = 20_261_128;
const random = seededRandom(SEED);

const EXTENSIONS = ['', '', ';a', ';b="c d"', ';last'];

let node: NodeReader;
before(async () => {
  node = await NodeReader.start();
});
after(() => node.close());

function below(bound: number): number {
  return Math.floor(random() * bound);
}

function text(length: number): string {
  return Array.from({ length }, () => String.fromCharCode(below(256))).join('');
}

function pick<T>(values: readonly T[]): T {
  return values[below(values.length)]!;
}

function inChunks(body: string, extensions: readonly string[]): string {
  let framed = '';
  for (let at = 0; at < body.length; ) {
    const length = Math.min(body.length - at, 1 + below(below(8) === 0 ? 9000 : 40));
    const size = below(2) === 0 ? length.toString(16) : `00${length.toString(16).toUpperCase()}`;
    framed += `${size}${pick(extensions)}\r\n${body.slice(at, at + length)}\r\n`;
    at += length;
  }
  return `${framed}0${pick(extensions)}\r\n${pick(['', 'x-trailer: 1\r\n', 'a: b\r\nc: d\r\n'])}\r\n`;
}

/** A response as HTTP allows it, and what it means. */
function randomResponse(extensions = EXTENSIONS): { bytes: Buffer; means: Reading } {
  const kind = pick(['length', 'chunked', 'close', 'none'] as const);
  const status = kind === 'none' ? pick([204, 304]) : pick([200, 201, 400, 429, 529]);
  const body = kind === 'none' ? '' : text(below(4) === 0 ? below(20_000) : below(200));
  const lines = [`HTTP/1.1 ${status}${pick(['', ' ', ' OK', ' Odd \xe9 reason'])}`];
  if (kind === 'length')
    lines.push(`${pick(['Content-Length', 'content-length'])}:${pick(['', ' ', '\t'])}${body.length}`);
  if (kind === 'chunked') lines.push(`Transfer-Encoding: ${pick(['chunked', 'Chunked'])}`);
  for (let i = below(6); i > 0; i--)
    lines.splice(1 + below(lines.length), 0, `x-${i}: ${pick(['', 'v', 'a\tb \xff '])}`);
  const early = 'HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n'.repeat(below(3));
  const framed = kind === 'chunked' ? inChunks(body, extensions) : body;
  return {
    bytes: Buffer.from(`${early}${lines.join('\r\n')}\r\n\r\n${framed}`, 'latin1'),
    means: { status, body, end: 'whole' },
  };
}

function randomCuts(length: number): number[] {
  const cuts = Array.from({ length: below(12) }, () => below(length));
  return [...new Set(cuts)].sort((a, b) => a - b);
}

test('responses mean the same however they are cut, to us, to Node and to whoever wrote them', async () => {
  for (let round = 0; round < 400; round++) {
    const { bytes, means } = randomResponse();
    const what = `round ${round} of seed ${SEED}: ${bytes.toString('latin1').slice(0, 300)}`;
    assert.deepEqual(readCut(bytes, []), means, what);
    for (let i = 0; i < 20; i++) assert.deepEqual(readCut(bytes, randomCuts(bytes.length)), means, what);
    if (round % 4 === 0) assert.deepEqual(await node.read(bytes), means, what);
  }
});

test('a response may be cut at every byte, and at all of them', () => {
  for (let round = 0; round < 40; round++) {
    let { bytes, means } = randomResponse();
    while (bytes.length > 700) ({ bytes, means } = randomResponse());
    for (let cut = 1; cut < bytes.length; cut++) assert.deepEqual(readCut(bytes, [cut]), means, `cut at ${cut}`);
    const all = Array.from({ length: bytes.length - 1 }, (_, i) => i + 1);
    assert.deepEqual(readCut(bytes, all), means);
  }
});

test('of bytes with faults, what is accepted is what Node accepts, and the cuts change nothing', async () => {
  const noise = ['\r', '\n', '\0', ' ', ':', '0', '9', 'f', '\r\n', '\r\n\r\n', '-', ',', '\x7f', 'HTTP/1.1 '];
  let accepted = 0;
  let refused = 0;
  for (let round = 0; round < 800; round++) {
    // Node reads what is within an extension; we, as RFC 9112 wants it of unknown ones, only where it ends.
    const { bytes } = randomResponse(['']);
    let source = bytes.toString('latin1').slice(0, 2_000);
    for (let i = 1 + below(3); i > 0; i--) {
      const at = below(Math.min(source.length, 250));
      source = source.slice(0, at) + pick(noise) + source.slice(at + below(3));
    }
    const mutated = Buffer.from(source, 'latin1');
    const whole = readCut(mutated, []);
    const what = `round ${round} of seed ${SEED}: ${JSON.stringify(source.slice(0, 300))}`;
    const cut = readCut(mutated, randomCuts(mutated.length));
    assert.equal(cut.end, whole.end, what);
    if (whole.end === 'whole') assert.deepEqual(cut, whole, what);
    if (whole.end !== 'whole') refused++;
    else {
      accepted++;
      assert.deepEqual(await node.read(mutated), whole, what);
    }
  }
  assert.ok(accepted > 100 && refused > 100, `${accepted} accepted, ${refused} refused`);
});

const OK = 'HTTP/1.1 200 OK\r\n';
const REFUSED: Record<string, string> = {
  'another protocol': 'SSH-2.0-x\r\n',
  'HTTP/2': 'HTTP/2.0 200 OK\r\n\r\n',
  'a version of HTTP/1 that does not exist': 'HTTP/1.7 200 OK\r\n\r\n',
  'a status of two digits': 'HTTP/1.1 20 OK\r\n\r\n',
  'a status of four digits': 'HTTP/1.1 2000 OK\r\n\r\n',
  'a status below 100': 'HTTP/1.1 099 OK\r\n\r\n',
  'an empty line before the status': `\r\n${OK}\r\n`,
  'lines without carriage returns': 'HTTP/1.1 200 OK\ncontent-length: 0\n\n',
  'a bare carriage return in the reason': 'HTTP/1.1 200 O\rK\r\n\r\n',
  'a NUL in a value': `${OK}x: a\0b\r\n\r\n`,
  'a control in a value': `${OK}x: a\x01b\r\n\r\n`,
  'a space before the colon': `${OK}content-length : 5\r\n\r\n`,
  'a space before the name': `${OK} x: y\r\n\r\n`,
  'a folded line': `${OK}x: a\r\n b\r\n\r\n`,
  'a line without a colon': `${OK}nonsense\r\n\r\n`,
  'an empty name': `${OK}: x\r\n\r\n`,
  'a length and chunks': `${OK}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n`,
  'chunks and a length': `${OK}transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n`,
  'two lengths': `${OK}content-length: 5\r\ncontent-length: 6\r\n\r\n`,
  'one length twice': `${OK}content-length: 5\r\ncontent-length: 5\r\n\r\n`,
  'a list of lengths': `${OK}content-length: 5, 5\r\n\r\n`,
  'a negative length': `${OK}content-length: -5\r\n\r\n`,
  'a signed length': `${OK}content-length: +5\r\n\r\n`,
  'a hexadecimal length': `${OK}content-length: 0x5\r\n\r\n`,
  'an empty length': `${OK}content-length:\r\n\r\n`,
  'a length beyond what is exact': `${OK}content-length: 99999999999999999999\r\n\r\n`,
  'an unknown transfer encoding': `${OK}transfer-encoding: gzip, chunked\r\n\r\n`,
  'a doubled transfer encoding': `${OK}transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n`,
  'chunks in HTTP/1.0': 'HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
  'a switch of protocols': 'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n',
  'a chunk without a size': `${OK}transfer-encoding: chunked\r\n\r\n\r\n`,
  'a chunk size of words': `${OK}transfer-encoding: chunked\r\n\r\nxyz\r\n`,
  'a negative chunk size': `${OK}transfer-encoding: chunked\r\n\r\n-1\r\n`,
  'a chunk size with a prefix': `${OK}transfer-encoding: chunked\r\n\r\n0x5\r\n`,
  'a chunk size of too many digits': `${OK}transfer-encoding: chunked\r\n\r\n${'0'.repeat(14)}5\r\n`,
  'a chunk size with a space': `${OK}transfer-encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n`,
  'a chunk that is longer than it said': `${OK}transfer-encoding: chunked\r\n\r\n3\r\nhello\r\n0\r\n\r\n`,
  'a chunk size without carriage return': `${OK}transfer-encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n`,
  'a NUL in an extension': `${OK}transfer-encoding: chunked\r\n\r\n5;\0\r\nhello\r\n`,
  'a bare line feed in a trailer': `${OK}transfer-encoding: chunked\r\n\r\n0\r\nx: y\n\r\n`,
  'a trailer without a colon': `${OK}transfer-encoding: chunked\r\n\r\n0\r\nx\r\n\r\n`,
  'a folded trailer': `${OK}transfer-encoding: chunked\r\n\r\n0\r\nx: y\r\n z\r\n\r\n`,
  'trailers without end': `${OK}transfer-encoding: chunked\r\n\r\n0\r\n${'x: y\r\n'.repeat(10_000)}`,
  'an extension without end': `${OK}transfer-encoding: chunked\r\n\r\n5;${'x'.repeat(40_000)}`,
  'early hints without end': 'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(20_000),
  'a head without end': `${OK}x: ${'v'.repeat(HEAD_BYTES_MAX)}\r\n\r\n`,
  'too many lines': `${OK}${'x:y\r\n'.repeat(300)}\r\n`,
};

for (const [name, source] of Object.entries(REFUSED)) {
  test(`${name}: refused, in one piece and in many`, () => {
    const bytes = Buffer.from(source, 'latin1');
    assert.equal(readCut(bytes, []).end, 'broken');
    const step = Math.ceil(bytes.length / 600);
    const many = Array.from({ length: Math.floor((bytes.length - 1) / step) }, (_, i) => (i + 1) * step);
    assert.equal(readCut(bytes, many).end, 'broken');
  });
}

test('a body that ends before its length, or within its chunks, is never whole', () => {
  const open = (source: string): string => readCut(Buffer.from(source), []).end;
  assert.equal(open(`${OK}content-length: 5\r\n\r\nhell`), 'open');
  assert.equal(open(`${OK}transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n`), 'open');
  assert.equal(open(`${OK}transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n`), 'open');
  assert.equal(open(`${OK}content-length: 5\r\n`), 'open');
});

test('neighbouring chunks of one read are handed on together; long ones stay where they are', () => {
  const runs: number[] = [];
  const long = 'x'.repeat(6_000);
  const body = `5\r\nhello\r\n6\r\n world\r\n${long.length.toString(16)}\r\n${long}\r\n1\r\n!\r\n0\r\n\r\n`;
  const bytes = Buffer.from(`${OK}transfer-encoding: chunked\r\n\r\n${body}`);
  const reader = new ResponseReader({ onHead: () => {}, onRun: (_bytes, start, end) => void runs.push(end - start) });
  reader.expect();
  assert.equal(reader.read(bytes, bytes.length), bytes.length);
  assert.deepEqual(runs, [11, 6_001]);
});
