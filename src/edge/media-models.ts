/** `GET /sora/v1/models`: the names of the Sora façade that a key may use, that an account serves and that have a price. Front thread only. */
import { authorizeModel } from '#auth/authorize.ts';
import { findMediaPrice } from '#meter/media-cost.ts';
import { findMediaModel, listMediaModels } from '#wire/media-models.ts';
import { modelList } from '#wire/sora-answer.ts';
import { statusLine } from './answers.ts';
import type { Exchange } from './exchange.ts';
import { SORA } from './operations.ts';
import type { Parts } from './parts.ts';

export function answerMediaModels(parts: Parts, exchange: Exchange): void {
  const { id, reply } = exchange;
  const headers = ['content-type', 'application/json', 'x-penstock-request-id', id.text, 'x-request-id', id.text];
  const names = listMediaModels().filter((name) => isServed(parts, exchange, name));
  reply.send(statusLine(200), headers, modelList(names));
}

function isServed({ catalog, prices }: Parts, { entry }: Exchange, name: string): boolean {
  if (authorizeModel(entry!, name) !== null) return false;
  const model = findMediaModel(name);
  if (model === null || model === 'text' || findMediaPrice(prices, name, { ...model, quality: '' }) === null)
    return false;
  const plan = catalog.plans.find(entry!.principal.groupId, name, SORA.servedBy);
  return plan !== undefined && plan.accounts.length > 0;
}
