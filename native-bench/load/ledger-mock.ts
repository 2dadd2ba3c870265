/**
 * The scripted upstream of the tests as a process of its own, for scenarios that compare request by request what was served with what
 * was billed. Prints its port, then its ledger as one JSON line for each line on standard input; ends when that does.
 */
import { createInterface } from 'node:readline';
import { Upstream } from '../../test/support/upstream.ts';

/** Numbers that tell answers apart, so that a row can only be right by being its own. */
const upstream = await Upstream.start({
  plan: ({ index }) => ({ usage: { inputTokens: 1_000 + (index % 997), outputTokens: 300 + (index % 89) } }),
});
process.stdout.write(`${new URL(upstream.url).port}\n`);

const lines = createInterface({ input: process.stdin });
lines.on('line', () => {
  process.stdout.write(`${JSON.stringify(upstream.ledger)}\n`);
  upstream.received.length = 0;
});
lines.on('close', () => process.exit(0));
