/**
 * What a Responses request may ask of an upstream that remembers, and no other protocol's upstream does. Pure.
 *
 * `store` left out means true to OpenAI; as hardly a client says `store: false`, only a written `true` is refused.
 */
import type { JsonObject } from './crossing.ts';
import type { RequestLosses } from './request-losses.ts';

const NO_MEMORY = 'the upstream of this model keeps no responses';

export function refuseState(body: JsonObject, losses: RequestLosses): void {
  losses.refuseSet(body, 'previous_response_id', NO_MEMORY);
  losses.refuseSet(body, 'conversation', NO_MEMORY);
  losses.refuseSet(body, 'store', NO_MEMORY);
  losses.refuseSet(body, 'background', 'the upstream of this model answers in the foreground only');
  if (body['generate'] === false) losses.refuse('generate', 'a request that is to be prepared, not answered');
  losses.refuseSet(body, 'prompt', 'prompt templates are stored at their provider');
}
