/**
 * What journaled mode adds to each forwarded chunk: keeping back what may be the end of an answer. Nanoseconds a chunk, the tap not
 * counted; in async mode none of this runs.
 * Run: `node_modules/.bin/node native-bench/micro/terminal-hold.ts [--quick]`; one line of JSON a case. `--quick` only shows that it runs.
 */
import { ByteBudget, byteBudgetBytes } from '../../src/coordinate/local/byte-budget.ts';
import type { Reply } from '../../src/edge/reply.ts';
import { TerminalHold } from '../../src/edge/terminal-hold.ts';
import type { Tap } from '../../src/meter/tap.ts';
import { mayBeTerminal, terminalStart } from '../../src/wire/anthropic-terminal.ts';

const quick = process.argv.includes('--quick');
const ROUNDS = quick ? 2 : 7;
const COUNT = quick ? 1_000 : 300_000;

const budget = new ByteBudget(new SharedArrayBuffer(byteBudgetBytes(1)), 1 << 30, 0);
let forwarded = 0;
const reply = { push: (chunk: Uint8Array) => (forwarded += chunk.length) } as unknown as Reply;

const DELTA = Buffer.from(
  'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello there, my friend"}}\n\n',
);
const STOP = Buffer.from('event: message_stop\ndata: {"type":"message_stop"}\n\n');

/** Best of the rounds: the machine's own noise only ever adds. */
function bench(name: string, run: () => void): void {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const start = process.hrtime.bigint();
    for (let i = 0; i < COUNT; i++) run();
    best = Math.min(best, Number(process.hrtime.bigint() - start) / COUNT);
  }
  if (forwarded === 0) throw new Error(`${name}: nothing was forwarded`);
  process.stdout.write(
    `${JSON.stringify({ bench: 'terminal-hold', case: name, unit: 'chunk', ns: Math.round(best * 10) / 10 })}\n`,
  );
}

const seen = { terminal: false, unfinishedBytes: 0, mayBeTerminal, terminalStart };
const tap = seen as unknown as Tap;
const stream = new TerminalHold(reply, tap, budget);
const json = new TerminalHold(reply, null, budget);

bench('nothing held (async)', () => reply.push(DELTA));
bench('whole frames', () => stream.push(DELTA));
bench('a delta that goes on in the next chunk', () => {
  seen.unfinishedBytes = 60;
  stream.push(DELTA.subarray(0, 60));
  seen.unfinishedBytes = 0;
  stream.push(DELTA.subarray(60));
});
bench('JSON', () => json.push(DELTA));
bench('the end of a stream, made and let go', () => {
  const hold = new TerminalHold(reply, tap, budget);
  seen.terminal = true;
  hold.push(STOP);
  hold.letGo();
  seen.terminal = false;
});
