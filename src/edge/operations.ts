/**
 * What clients can ask for: one row an operation, with everything that differs between the protocols. The lifecycle is the same for
 * all of them. Tables only; front thread.
 */
import type { Protocol } from '#base/protocols.ts';
import { AnthropicTap } from '#meter/anthropic-tap.ts';
import type { Tap } from '#meter/tap.ts';
import { ANTHROPIC_DIALECT } from '#wire/anthropic.ts';
import type { Dialect } from '#wire/dialect.ts';
import { MESSAGES_SHAPE, type RequestShape } from '#wire/request-shape.ts';

/** Reads the answers of one protocol. */
export type TapMaker = new () => Tap;

export interface Operation {
  readonly name: string;
  /** The client's protocol, as the usage log names it. */
  readonly protocol: Protocol;
  /** Protocols of accounts that can serve it, the best first; all but its own need a crossing. */
  readonly servedBy: readonly Protocol[];
  readonly dialect: Dialect;
  /** Null: it has no body. */
  readonly shape: RequestShape | null;
  /** `asked`: by a field of the body. */
  readonly streams: 'asked' | 'always' | 'never';
  /** Its answers cost money; others are only relayed. */
  readonly billed: boolean;
  /** What it generates is text, so that an answer without usage can be estimated by its length. */
  readonly generates: boolean;
}

function operation(name: string, fields: Partial<Operation> & Pick<Operation, 'protocol' | 'dialect'>): Operation {
  return Object.freeze({
    name,
    servedBy: [fields.protocol],
    shape: null,
    streams: 'never',
    billed: false,
    generates: false,
    ...fields,
  });
}

export const MESSAGES = operation('messages', {
  protocol: 'messages',
  dialect: ANTHROPIC_DIALECT,
  shape: MESSAGES_SHAPE,
  streams: 'asked',
  billed: true,
  generates: true,
});

/** By the protocol that the upstream speaks. */
const TAPS: Partial<Record<Protocol, TapMaker>> = {
  messages: AnthropicTap,
};

/** Which tap reads the answers of an upstream that speaks this protocol. */
export function tapMaker(protocol: Protocol): TapMaker {
  return TAPS[protocol] ?? AnthropicTap;
}
