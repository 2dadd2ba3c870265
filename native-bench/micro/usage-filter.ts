/**
 * What the filter of the usage that nobody asked for costs: nanoseconds a delta event of a Chat stream, by what the upstream puts into its
 * events and by how many come in a chunk. A filter may change its chunk, so each event is written anew, which is measured alone and taken off.
 * Run: `node_modules/.bin/node native-bench/micro/usage-filter.ts [--quick]`; one line of JSON a case. `--quick` only shows that it runs.
 */
import { UsageChunkFilter } from '../../src/edge/usage-chunk-filter.ts';
import { streamScript } from '../load/stream-scripts.ts';
import { bestNs, printCase } from './measure.ts';

const quick = process.argv.includes('--quick');
const ROUNDS = quick ? 2 : 7;
const EVENTS = quick ? 1_000 : 400_000;
const TEXT = 'Hello there, my friend';

const WITHOUT = streamScript('chat', 1).event(TEXT);
const NULL = streamScript('chat with usage', 1).event(TEXT);
const USAGE = '"usage":{"prompt_tokens":10,"completion_tokens":1}';
const FORMS: Readonly<Record<string, string>> = {
  'without usage': WITHOUT,
  'usage null': NULL,
  'usage null, CRLF': NULL.replaceAll('\n', '\r\n'),
  'usage null in the middle': NULL.replace('"usage":null', '"usage":null,"obfuscation":"aB3dE5gH7j"'),
  'usage counted up': NULL.replace('"usage":null', USAGE),
};

/** `leavingBytes`: what must leave of each event. */
function measure(name: string, event: string, inChunk: number, leavingBytes: number): void {
  const filter = new UsageChunkFilter();
  const bytes = Buffer.from(event.repeat(inChunk));
  const chunk = Buffer.from(bytes);
  const chunks = Math.ceil(EVENTS / inChunk);
  let left = 0;
  const written = bestNs(ROUNDS, chunks, () => void bytes.copy(chunk));
  const ns = bestNs(ROUNDS, chunks, () => {
    bytes.copy(chunk);
    left += filter.push(chunk)!.length;
  });
  if (left !== ROUNDS * chunks * inChunk * leavingBytes) throw new Error(`${name}: ${left} bytes left`);
  const figures = { ns: (ns - written) / inChunk, written: written / inChunk };
  printCase('usage-filter', `${name}, ${event.length} bytes, ${inChunk} a chunk`, 'delta event', figures);
}

for (const [name, event] of Object.entries(FORMS)) {
  const leaving = event.replace(',"usage":null', '').length;
  for (const inChunk of [1, 16]) measure(name, event, inChunk, leaving);
}
