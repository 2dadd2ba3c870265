/**
 * Counts the tokens of a request here, for clients who ask for it where no account can: by the counting pool, or by the length of the texts
 * when the pool is busy, late, or the request too large for it. Marked as an estimate, also where the vocabulary is the vendor's own: what
 * pictures cost, and the frame around messages and tools, is not in it. Costs nobody anything. Front thread only.
 */
import { type CountMethod, estimateFromBytes, methodFor, structureTokens } from '#tokenizer/count-method.ts';
import type { Facts } from '#wire/facts.ts';
import { statusLine } from './answers.ts';
import type { Exchange } from './exchange.ts';
import type { Parts } from './parts.ts';

/** Calls `done` once, when the answer has been handed to the reply; not when the exchange has ended meanwhile. */
export function answerCount(parts: Parts, exchange: Exchange, done: () => void): void {
  const { facts, model } = exchange;
  const method = methodFor(model);
  const answer = (tokens: number, name: string): void => {
    if (exchange.stage === 'settled') return;
    send(exchange, Math.round(tokens), name);
    done();
  };
  const byLength = (): void => answer(countByLength(method, facts!), 'length of the texts');
  const asked = countInput(parts, exchange, model, (tokens) => {
    if (tokens === null) byLength();
    else answer(tokens, method.name);
  });
  if (!asked) byLength();
}

/**
 * Asks the pool for the tokens of a request whose body is whole, as `model` counts them; its texts are copied. False: it takes no more.
 * Otherwise `onCounted` is called once, later, with null where they could not be counted in time.
 */
export function countInput(
  { counting }: Parts,
  { body, facts }: Exchange,
  model: string,
  onCounted: (tokens: number | null) => void,
): boolean {
  const { systemSpans, messageSpans, toolsStart, toolsEnd, messagesCount, toolsCount } = facts!;
  const request = {
    model,
    body: body!.bytes,
    texts: [systemSpans, messageSpans],
    plain: toolsStart < 0 ? [] : [Int32Array.of(toolsStart, toolsEnd)],
    messages: messagesCount,
    tools: toolsCount,
    give: false,
  };
  const unseen = textsWithoutSpan(methodFor(model), facts!);
  const refused = counting.countRequest(request, (outcome) => {
    onCounted(typeof outcome === 'string' ? null : Math.round(outcome.tokens + unseen));
  });
  return refused === null;
}

function countByLength(method: CountMethod, facts: Facts): number {
  const toolBytes = Math.max(0, facts.toolsEnd - facts.toolsStart);
  const structure = structureTokens(method, facts.messagesCount, facts.toolsCount);
  return estimateFromBytes(method, facts.textBytes + toolBytes) + structure;
}

/** Of a request with very many texts the last ones are known by their bytes alone. */
function textsWithoutSpan(method: CountMethod, { systemSpans, messageSpans, textBytes }: Facts): number {
  return estimateFromBytes(method, Math.max(0, textBytes - spanBytes(systemSpans) - spanBytes(messageSpans)));
}

function spanBytes(spans: Int32Array): number {
  let bytes = 0;
  for (let i = 0; i < spans.length; i += 2) bytes += spans[i + 1]! - spans[i]!;
  return bytes;
}

function send(exchange: Exchange, tokens: number, method: string): void {
  const headers = ['content-type', 'application/json', 'x-penstock-request-id', exchange.id.text];
  headers.push('x-penstock-token-count', `estimate (${method})`);
  exchange.reply.send(statusLine(200), headers, Buffer.from(JSON.stringify(render(exchange, tokens))));
}

function render({ operation }: Exchange, tokens: number): object {
  if (operation.protocol === 'gemini') return { totalTokens: tokens };
  const counted = { input_tokens: tokens };
  return operation.protocol === 'responses' ? { object: 'response.input_tokens', ...counted } : counted;
}
