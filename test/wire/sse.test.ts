import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SseFields, type SseFrameSink, SseSplitter } from '#wire/sse.ts';
import { cutAnywhere } from '../support/anthropic-answer.ts';
import { seededRandom } from '../support/seeded-random.ts';

const FRAME_BYTES_MAX = 256;

interface Seen {
  event: string;
  data: string;
  cutBytes: number;
}

class Recorder implements SseFrameSink {
  readonly frames: Seen[] = [];
  readonly #fields = new SseFields();

  frame(bytes: Buffer, start: number, end: number, frameBytes: number): void {
    this.#fields.read(bytes, start, end);
    const { eventStart, eventEnd, data, dataStart, dataEnd } = this.#fields;
    const event = bytes.toString('utf8', eventStart, eventEnd);
    const text = data.toString('utf8', dataStart, dataEnd);
    if (event !== '' || text !== '') this.frames.push({ event, data: text, cutBytes: frameBytes - (end - start) });
  }
}

function split(pieces: readonly Uint8Array[]): Seen[] {
  const recorder = new Recorder();
  const splitter = new SseSplitter(recorder, FRAME_BYTES_MAX);
  for (const piece of pieces) splitter.push(piece);
  splitter.end();
  return recorder.frames;
}

function splitText(text: string): (readonly [string, string])[] {
  return split([Buffer.from(text)]).map(({ event, data }) => [event, data] as const);
}

test('a frame ends at a blank line, with LF, CRLF or CR line ends', () => {
  for (const lineEnd of ['\n', '\r\n', '\r']) {
    const text = ['event: a', 'data: 1', '', 'event: b', 'data: 2', '', ''].join(lineEnd);
    assert.deepEqual(splitText(text), [
      ['a', '1'],
      ['b', '2'],
    ]);
  }
});

test('a byte order mark is skipped at the start of the stream and nowhere else', () => {
  assert.deepEqual(splitText('\ufeffdata: 1\n\n\ufeffdata: 2\n\n'), [['', '1']]);
});

test('comments, other fields and spare blank lines say nothing', () => {
  assert.deepEqual(splitText('\n\n: hello\n\nid: 7\nretry: 10\n:\ndata: 1\ndatabase: 2\n\n\n\n'), [['', '1']]);
});

test('several data lines are joined by line feeds', () => {
  assert.deepEqual(splitText('data: {\ndata:  "a": 1\ndata\nevent: x\ndata: }\n\n'), [['x', '{\n "a": 1\n\n}']]);
});

test('one space after the colon is dropped, no space is needed', () => {
  assert.deepEqual(splitText('event:a\ndata:1\n\nevent:  b\ndata:  2\n\ndata:\n\n'), [
    ['a', '1'],
    [' b', ' 2'],
  ]);
});

test('a last frame without its blank line is delivered at the end', () => {
  assert.deepEqual(splitText('data: 1\n\nevent: b\ndata: 2'), [
    ['', '1'],
    ['b', '2'],
  ]);
  assert.deepEqual(splitText('data: 1\n\ndata: 2\r\n'), [
    ['', '1'],
    ['', '2'],
  ]);
});

test('of a frame beyond the bound only the head is delivered, and the next frame is whole again', () => {
  const text = `event: big\ndata: ${'x'.repeat(5_000)}\n\ndata: after\n\n`;
  for (const pieces of [[Buffer.from(text)], cutAnywhere(Buffer.from(text), 1, 100)]) {
    const [big, after] = split(pieces);
    assert.equal(big?.event, 'big');
    assert.equal(big?.data.length, FRAME_BYTES_MAX - 'event: big\ndata: '.length);
    assert.equal(big?.cutBytes, 'event: big\ndata: \n\n'.length + 5_000 - FRAME_BYTES_MAX);
    assert.deepEqual(after, { event: '', data: 'after', cutBytes: 0 });
  }
});

test('a splitter that is reset forgets the stream before', () => {
  const recorder = new Recorder();
  const splitter = new SseSplitter(recorder, FRAME_BYTES_MAX);
  splitter.push(Buffer.from('event: lost\r'));
  splitter.reset();
  splitter.push(Buffer.from('\ndata: 1\n\n'));
  assert.deepEqual(
    recorder.frames.map(({ event, data }) => [event, data]),
    [['', '1']],
  );
});

/** The rules of the specification on the whole text at once. */
function oracle(text: string): (readonly [string, string])[] {
  const frames: (readonly [string, string])[] = [];
  let event = '';
  let data: string[] = [];
  for (const line of [...text.replace(/^\ufeff/, '').split(/\r\n|\r|\n/), '']) {
    const colon = line.indexOf(':');
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (name === 'event') event = value;
    else if (name === 'data') data.push(value);
    if (line !== '') continue;
    if (event !== '' || data.join('\n') !== '') frames.push([event, data.join('\n')]);
    event = '';
    data = [];
  }
  return frames;
}

const PARTS = [
  '\n',
  '\n',
  '\r\n',
  '\r',
  'event: a',
  'data: ',
  'data:',
  'data',
  'é🚰',
  ': c',
  ':',
  'x',
  ' ',
  '\ufeff',
  'id: 1',
];

test('random streams give what the specification says, whatever the chunk borders', () => {
  for (let seed = 1; seed <= 3_000; seed++) {
    const random = seededRandom(seed);
    let text = '';
    for (let i = 0; i < 30; i++) text += PARTS[Math.floor(random() * PARTS.length)];
    const bytes = Buffer.from(text);
    const expected = oracle(text);
    const whole = split([bytes]);
    assert.deepEqual(
      whole.map(({ event, data }) => [event, data]),
      expected,
      `seed ${seed}`,
    );
    assert.deepEqual(split(cutAnywhere(bytes, seed, 1)), whole, `seed ${seed}, single bytes`);
    assert.deepEqual(split(cutAnywhere(bytes, seed, 9)), whole, `seed ${seed}, random pieces`);
  }
});

test('chunks may be any Uint8Array and are not changed', () => {
  const bytes = new Uint8Array(Buffer.from('data: 1\n\ndata: 2'));
  const before = Buffer.from(bytes);
  assert.equal(split([bytes, new Uint8Array(0), bytes.slice(9)]).length, 2);
  assert.deepEqual(Buffer.from(bytes), before);
});
