/** A thread that stands where a front does and has its way to the counting pool: it counts what it is told, and can die meanwhile. */
import type { MessagePort } from 'node:worker_threads';
import { workerData } from 'node:worker_threads';
import { makeCountingClient } from '#threads/make-counting-client.ts';
import type { FrontData, FrontToPrimary, PrimaryToFront } from '#threads/protocol.ts';

export type ToCountingFront = { texts: string[]; die: boolean };
/** Tokens or the refusal, text by text. */
export type FromCountingFront = { counts: (number | string)[] };

const { report, ...data } = workerData as FrontData & { report: MessagePort };
const counting = makeCountingClient(data);

function tell(message: FrontToPrimary): void {
  data.port.postMessage(message);
}

data.port.on('message', (message: PrimaryToFront) => {
  if (message.type === 'counted') counting.answer(message.id, message.counted);
  if (message.type === 'snapshot') tell({ type: 'snapshotAck', version: message.version });
  if (message.type === 'drain') tell({ type: 'drained' });
  if (message.type !== 'exit') return;
  counting.close();
  data.port.close();
  report.close();
});

report.on('message', ({ texts, die }: ToCountingFront) => {
  const counts: (number | string)[] = [];
  const note = (count: number | string): void => {
    counts.push(count);
    if (counts.length === texts.length) report.postMessage({ counts } satisfies FromCountingFront);
  };
  for (const text of texts) {
    const body = new Uint8Array(Buffer.from(text));
    const whole = [new Int32Array([0, body.length])];
    const refusal = counting.countRequest(
      { model: 'gpt-5', body, texts: [], plain: whole, messages: 0, tools: 0, give: true },
      (outcome) => note(typeof outcome === 'string' ? outcome : outcome.tokens),
    );
    if (refusal !== null) note(refusal);
  }
  if (die) process.exit(1);
});
