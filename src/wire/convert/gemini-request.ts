/**
 * What requests for a Gemini upstream and requests of Gemini clients have in common, whatever is on the other side. Pure.
 *
 *   request = { contents, systemInstruction?, tools: [ { functionDeclarations: [ { name, description, parametersJsonSchema } ] } ],
 *               toolConfig: { functionCallingConfig: { mode: AUTO | ANY | NONE | VALIDATED, allowedFunctionNames? } },
 *               generationConfig, safetySettings, cachedContent }
 *
 * Source: ai.google.dev/api/generate-content#request-body.
 */
import type { JsonObject } from './crossing.ts';
import { isToolName } from './gemini-calls.ts';
import type { GeminiContents } from './gemini-contents.ts';
import { asFields, shown } from './gemini-fields.ts';
import { jsonSchemaOf } from './gemini-schema.ts';
import { asArray, asString } from './json.ts';
import type { RequestLosses } from './request-losses.ts';

const STOPS_MAX = 5;

/** What a request for a Gemini upstream consists of; null and empty things are left out. */
export interface GeminiRequestParts {
  readonly contents: GeminiContents;
  readonly declarations: readonly JsonObject[];
  readonly toolConfig: JsonObject | null;
  readonly generationConfig: JsonObject;
}

export function geminiRequest({
  contents,
  declarations,
  toolConfig,
  generationConfig,
}: GeminiRequestParts): JsonObject {
  return {
    ...contents,
    ...(declarations.length > 0 && { tools: [{ functionDeclarations: declarations }] }),
    ...(toolConfig !== null && { toolConfig }),
    generationConfig,
  };
}

/** `schema`: JSON schema; null: it takes nothing. */
export function functionDeclaration(name: string, description: string | null, schema: JsonObject | null): JsonObject {
  return {
    name,
    ...(description !== null && { description }),
    ...(schema !== null && { parametersJsonSchema: schema }),
  };
}

export function functionCallingConfig(mode: string, allowedFunctionNames?: readonly string[]): JsonObject {
  return { functionCallingConfig: { mode, ...(allowedFunctionNames !== undefined && { allowedFunctionNames }) } };
}

/** Sequences to stop at, for a Gemini upstream; null: none. */
export function geminiStops(given: readonly unknown[] | null, path: string, losses: RequestLosses): unknown[] | null {
  const stops = given?.filter((stop) => stop !== '') ?? [];
  if (stops.length > STOPS_MAX) losses.refuse(path, `Gemini takes at most ${STOPS_MAX} of them`);
  return stops.length === 0 ? null : stops;
}

/** A function as both other protocols declare it. */
export interface DeclaredFunction {
  readonly name: string;
  readonly description: string | null;
  /** JSON schema; null: it takes nothing. */
  readonly parameters: unknown;
}

const DECLARATION_READ: ReadonlySet<string> = new Set(['name', 'description', 'parameters', 'parametersJsonSchema']);

/** The functions of a Gemini client. Tools that run at Google are refused. */
export function declaredFunctions(body: JsonObject, losses: RequestLosses): DeclaredFunction[] {
  const tools = losses.list(body, 'tools') ?? [];
  const functions: DeclaredFunction[] = [];
  for (let i = 0; i < tools.length; i++) {
    const tool = asFields(tools[i]) ?? {};
    for (const kind of Object.keys(tool)) {
      if (kind !== 'functionDeclarations') losses.refuse(`tools.${i}.${shown(kind)}`, 'this tool runs at Google');
    }
    const declarations = asArray(tool['functionDeclarations']) ?? [];
    for (let j = 0; j < declarations.length; j++) {
      const path = `tools.${i}.functionDeclarations.${j}`;
      const declared = declaredFunction(asFields(declarations[j]) ?? {}, path, losses);
      if (declared !== null) functions.push(declared);
    }
  }
  return functions;
}

function declaredFunction(declaration: JsonObject, path: string, losses: RequestLosses): DeclaredFunction | null {
  const name = asString(declaration['name']);
  if (!isToolName(name)) {
    losses.refuse(`${path}.name`, 'functions are named in letters, digits, _ and - there, at most 64');
    return null;
  }
  losses.dropOthers(declaration, DECLARATION_READ, 'tools.functionDeclarations.');
  const schema = declaration['parametersJsonSchema'] ?? declaration['parameters'] ?? null;
  return { name, description: asString(declaration['description']), parameters: jsonSchemaOf(schema) };
}

export interface CallingMode {
  readonly mode: 'AUTO' | 'ANY' | 'NONE';
  /** The functions that may be called; null: all. */
  readonly names: ReadonlySet<string> | null;
}

/** What a Gemini client says about calling functions; null: nothing. */
export function callingMode(body: JsonObject, losses: RequestLosses): CallingMode | null {
  const config = asFields(asFields(body['toolConfig'])?.['functionCallingConfig']);
  if (config === null) return null;
  const path = 'toolConfig.functionCallingConfig';
  const allowed = asArray(config['allowedFunctionNames']) ?? [];
  const names = allowed.length === 0 ? null : new Set(allowed.map((name) => asString(name) ?? ''));
  switch (config['mode'] ?? 'AUTO') {
    case 'VALIDATED':
      losses.drop(`${path}.mode`);
      return { mode: 'AUTO', names };
    case 'AUTO':
    case 'MODE_UNSPECIFIED':
      return { mode: 'AUTO', names };
    case 'ANY':
      return { mode: 'ANY', names };
    case 'NONE':
      return { mode: 'NONE', names };
    default:
      losses.refuse(`${path}.mode`, 'there is no such mode');
      return null;
  }
}

/** Neither other protocol narrows down what may be called: the functions that may not be are not declared. */
export function allowedFunctions(functions: readonly DeclaredFunction[], mode: CallingMode | null): DeclaredFunction[] {
  const names = mode?.names ?? null;
  return functions.filter(({ name }) => names === null || names.has(name));
}

const BODY_READ: ReadonlySet<string> = new Set([
  'model',
  'contents',
  'systemInstruction',
  'tools',
  'toolConfig',
  'generationConfig',
  'cachedContent',
]);

/** What no other protocol has, in the body of a Gemini client. */
export function refuseGeminiOnly(body: JsonObject, losses: RequestLosses): void {
  losses.refuseSet(body, 'cachedContent', 'cached contents belong to a Google account');
  losses.dropOthers(body, BODY_READ);
}

/** What no other protocol has, in the `generationConfig` of a Gemini client; `read`: what the crossing turns itself. */
export function refuseConfigOnly(config: JsonObject, read: ReadonlySet<string>, losses: RequestLosses): void {
  const path = 'generationConfig.';
  const candidates = losses.number(config, 'candidateCount', path) ?? 1;
  if (candidates > 1) losses.refuse(`${path}candidateCount`, 'there is one candidate to an answer');
  const modalities = asArray(config['responseModalities']) ?? [];
  if (modalities.some((each) => !TEXT_MODALITIES.includes(asString(each)?.toUpperCase() ?? ''))) {
    losses.refuse(`${path}responseModalities`, 'answers are text');
  }
  for (const field of ['responseLogprobs', 'speechConfig', 'imageConfig', 'translationConfig', 'responseFormat']) {
    if (config[field] !== undefined && config[field] !== null && config[field] !== false) {
      losses.refuse(path + field, 'there is no counterpart to it');
    }
  }
  for (const field of Object.keys(config)) {
    if (read.has(field) || HANDLED.has(field) || config[field] === null) continue;
    losses.drop(path + field);
  }
}

const HANDLED: ReadonlySet<string> = new Set(['candidateCount', 'responseModalities', 'responseLogprobs']);

const TEXT_MODALITIES = ['TEXT', 'MODALITY_UNSPECIFIED'];

export interface AnswerFormat {
  /** Null: JSON of any shape. */
  readonly schema: JsonObject | null;
}

/** The form of answer that a Gemini client asks for; null: text. */
export function answerFormat(config: JsonObject, losses: RequestLosses): AnswerFormat | null {
  const path = 'generationConfig.';
  const mimeType = losses.text(config, 'responseMimeType', path) ?? 'text/plain';
  const schema = config['responseJsonSchema'] ?? config['responseSchema'] ?? null;
  if (mimeType === 'text/plain' || mimeType === '') {
    losses.dropSet(config, ['responseJsonSchema', 'responseSchema'], path);
    return null;
  }
  if (mimeType !== 'application/json') {
    losses.refuse(`${path}responseMimeType`, `answers of type ${shown(mimeType)} have no counterpart`);
    return null;
  }
  return { schema: asFields(jsonSchemaOf(schema)) };
}
