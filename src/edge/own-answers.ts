/**
 * Requests that the gateway answers by itself: the models that a key may use, and the places where clients only want to hear that all is
 * well. Lists are rendered once a group, shape and snapshot. Front thread only.
 */
import { matchesModel } from '#base/model-pattern.ts';
import type { Protocol } from '#base/protocols.ts';
import { type Refusal, refuse } from '#failure/registry.ts';
import { servedModels } from '#schedule/served-models.ts';
import { type ModelListShape, renderModel, renderModelList } from '#wire/model-list.ts';
import { statusLine } from './answers.ts';
import type { Exchange } from './exchange.ts';
import * as operations from './operations.ts';
import type { Catalog, Parts } from './parts.ts';

/** What clients of a shape can ask for: a model is in their list when one of these is served. */
const LISTED: Readonly<Record<ModelListShape, readonly (readonly Protocol[])[]>> = {
  anthropic: [operations.MESSAGES.servedBy],
  openai: [operations.CHAT, operations.RESPONSES, operations.EMBEDDINGS, operations.COMPLETIONS].map(
    ({ servedBy }) => servedBy,
  ),
  gemini: [operations.GEMINI_GENERATE.servedBy],
};
const EMPTY = new Uint8Array(0);
const WELL = Buffer.from('{}');

/** By group and shape; a snapshot of the catalog takes its names with it. */
const namesOf = new WeakMap<Catalog, Map<string, readonly string[]>>();

/** Nobody is asked who it is. */
export function answerWell(exchange: Exchange): void {
  send(exchange, exchange.head.method === 'head' ? EMPTY : WELL);
}

/** The list, or the one model that the path names; a refusal when the key may not use that one. */
export function answerModels(parts: Parts, exchange: Exchange): Refusal | null {
  const shape = shapeFor(exchange);
  const { allowedModels } = exchange.entry!.principal;
  const all = listedNames(parts, exchange.entry!.principal.groupId, shape);
  const names = allowedModels === null ? all : all.filter((name) => matchesModel(allowedModels, name));
  const { named } = exchange.route;
  if (named === '') {
    send(exchange, encode(renderModelList(shape, names, exchange.head.query)));
    return null;
  }
  if (!names.includes(named)) return refuse('model_unknown');
  send(exchange, encode(renderModel(shape, named)));
  return null;
}

/** The paths are shared: what kind of client asks is told by what it sends. */
function shapeFor({ dialect, head }: Exchange): ModelListShape {
  if (dialect.name === 'gemini' || head.isGoogle) return 'gemini';
  return head.forwarded.includes('anthropic-version') ? 'anthropic' : 'openai';
}

function listedNames({ catalog, prices }: Parts, groupId: number, shape: ModelListShape): readonly string[] {
  let lists = namesOf.get(catalog);
  if (lists === undefined) {
    lists = new Map();
    namesOf.set(catalog, lists);
  }
  const key = `${groupId} ${shape}`;
  let names = lists.get(key);
  if (names === undefined) {
    const { plans } = catalog;
    const isServed = (name: string): boolean =>
      LISTED[shape].some((servedBy) => (plans.find(groupId, name, servedBy)?.accounts.length ?? 0) > 0);
    names = servedModels(plans.members(groupId) ?? [], prices.prices.keys()).filter(isServed);
    lists.set(key, names);
  }
  return names;
}

function encode(value: object): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

function send(exchange: Exchange, body: Uint8Array): void {
  const headers = ['content-type', 'application/json', 'x-penstock-request-id', exchange.id.text];
  exchange.reply.send(statusLine(200), headers, body);
}
