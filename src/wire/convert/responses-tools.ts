/**
 * The tools of a Responses request as one list, namespaces opened and those of `additional_tools` items included. Pure.
 *
 *   tool      = function { name, description?, parameters, strict? } | custom { name, description?, format? }
 *             | namespace { name, tools: [ function | custom ] } | web_search { filters?, user_location?, external_web_access?, ... }
 *   format    = { type: "text" } | { type: "grammar", syntax, definition }
 *   elsewhere = input item { type: "additional_tools", tools: [ tool ] }
 *
 * `web_search` with `external_web_access: false` may read a store of pages only, which no other protocol has: as a client that
 * forbids the web has asked for none, it is left out. Every other hosted tool is refused.
 */
import type { JsonObject } from './crossing.ts';
import { asArray, asObject, asString } from './json.ts';
import type { RequestLosses } from './request-losses.ts';
import { type ToolName, travellingName } from './tool-names.ts';

export interface ResponsesTool {
  readonly kind: 'function' | 'custom' | 'web_search';
  /** As the client wrote it; '' for hosted tools. */
  readonly name: string;
  /** Its name at the upstream. */
  readonly travelling: string;
  readonly tool: JsonObject;
  readonly path: string;
}

export interface ToolRules {
  /** Free-form tools are marked in their names, because the upstream knows functions alone. */
  readonly marksFreeform: boolean;
  /** The longest name that the upstream takes. */
  readonly nameCharsMax: number;
}

/** Null: the name cannot be carried. A name that travels as it is may be as long as it likes: that is for the upstream to say. */
export function upstreamToolName({ name, namespace, freeform }: ToolName, rules: ToolRules): string | null {
  const travelling = travellingName(name, namespace, freeform && rules.marksFreeform);
  if (travelling === null || travelling === name) return travelling;
  return travelling.length > rules.nameCharsMax ? null : travelling;
}

export function collectTools(body: JsonObject, rules: ToolRules, losses: RequestLosses): ResponsesTool[] {
  const collector = new ToolCollector(rules, losses);
  collector.collect(body['tools'], 'tools', null);
  const input = asArray(body['input']) ?? [];
  for (let i = 0; i < input.length; i++) {
    const item = asObject(input[i]);
    if (item?.['type'] === 'additional_tools') collector.collect(item['tools'], `input.${i}.tools`, null);
  }
  return collector.collected;
}

class ToolCollector {
  readonly collected: ResponsesTool[] = [];
  readonly #rules: ToolRules;
  readonly #losses: RequestLosses;

  constructor(rules: ToolRules, losses: RequestLosses) {
    this.#rules = rules;
    this.#losses = losses;
  }

  collect(tools: unknown, path: string, namespace: string | null): void {
    const list = asArray(tools) ?? [];
    for (let i = 0; i < list.length; i++) {
      const at = `${path}.${i}`;
      const tool = asObject(list[i]);
      const type = asString(tool?.['type']);
      if (tool === null || type === null) this.#losses.refuse(at, 'a tool without a type');
      else if (type === 'function' || type === 'custom') this.#addNamed(tool, type, at, namespace);
      else if (namespace !== null) this.#losses.refuse(at, `a tool of type ${type} in a namespace`);
      else if (type === 'namespace') this.#addNamespace(tool, at);
      else if (isWebSearch(type)) this.#addWebSearch(tool, at);
      else this.#losses.refuse(at, `the hosted tool ${type} has no counterpart in the protocol that serves this model`);
    }
  }

  #addNamespace(tool: JsonObject, path: string): void {
    const name = asString(tool['name']);
    if (name === null) return this.#losses.refuse(`${path}.name`, 'a namespace without a name');
    if (asString(tool['description']) !== '') this.#losses.dropSet(tool, ['description'], 'tools.namespace.');
    this.collect(tool['tools'], `${path}.tools`, name);
  }

  #addNamed(tool: JsonObject, kind: 'function' | 'custom', path: string, namespace: string | null): void {
    const name = asString(tool['name']);
    if (name === null) return this.#losses.refuse(`${path}.name`, 'a tool without a name');
    const travelling = upstreamToolName({ name, namespace, freeform: kind === 'custom' }, this.#rules);
    if (travelling === null) return this.#losses.refuse(`${path}.name`, 'this name cannot be carried there and back');
    this.#losses.dropSet(tool, ['allowed_callers', 'async', 'output_schema'], 'tools.');
    // Deferred tools are found by a search that only their provider has: they are told at once instead.
    if (tool['defer_loading'] === true) this.#losses.drop('tools.defer_loading');
    this.collected.push({ kind, name, travelling, tool, path });
  }

  #addWebSearch(tool: JsonObject, path: string): void {
    if (tool['external_web_access'] === false) this.#losses.drop('tools.web_search');
    else this.collected.push({ kind: 'web_search', name: '', travelling: 'web_search', tool, path });
  }
}

export function isWebSearch(type: string): boolean {
  return type === 'web_search' || type.startsWith('web_search_20') || type.startsWith('web_search_preview');
}

/** What a free-form tool's description has to say where its grammar cannot be told in a field of its own. */
export function describeFormat(tool: JsonObject): string | null {
  const format = asObject(tool['format']);
  if (format?.['type'] !== 'grammar') return null;
  const syntax = asString(format['syntax']) ?? 'lark';
  return `The input is free-form text that follows this ${syntax} grammar:\n${asString(format['definition']) ?? ''}`;
}
