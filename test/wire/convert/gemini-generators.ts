/** Random documents of the part that Gemini, Messages and Chat have in common, as Gemini writes it. */
import type { JsonObject } from '#wire/convert/crossing.ts';

export type Random = () => number;

const WORDS = ['hi', 'ä🚰', '"quoted"', 'line\nbreak', ' ', '{"a":1}', '\\', '</script>', '\u2028'];

export function pick<T>(random: Random, choices: readonly T[]): T {
  return choices[Math.floor(random() * choices.length)]!;
}

export function text(random: Random): string {
  return Array.from({ length: 1 + random() * 3 }, () => pick(random, WORDS)).join('-');
}

export function json(random: Random, depth = 0): unknown {
  const kind = Math.floor(random() * (depth > 2 ? 4 : 6));
  if (kind === 0) return Math.floor(random() * 1e6) / 8;
  if (kind === 1) return random() < 0.5;
  if (kind === 2) return null;
  if (kind === 3) return text(random);
  const values = Array.from({ length: random() * 3 }, () => json(random, depth + 1));
  return kind === 4 ? values : object(values);
}

function object(values: readonly unknown[]): JsonObject {
  return Object.fromEntries(values.map((value, index) => [`k_${index}`, value]));
}

export function args(random: Random): JsonObject {
  return object(Array.from({ length: random() * 3 }, () => json(random)));
}

function userParts(random: Random): JsonObject[] {
  return Array.from({ length: 1 + random() * 2 }, () =>
    random() < 0.7 ? { text: text(random) } : { inlineData: { mimeType: 'image/png', data: 'AAAA' } },
  );
}

/** Contents in turns: one of the user, then one of the model, whose calls are all answered by the next of the user. */
export function contents(random: Random): JsonObject[] {
  const turns: JsonObject[] = [];
  let responses: JsonObject[] = [];
  let calls = 0;
  for (let i = 0, length = 1 + Math.floor(random() * 4); i < length; i++) {
    turns.push({
      role: 'user',
      parts: [...responses, ...(responses.length > 0 && random() < 0.5 ? [] : userParts(random))],
    });
    responses = [];
    if (i === length - 1) break;
    const parts: JsonObject[] = random() < 0.7 ? [{ text: text(random) }] : [];
    for (let j = parts.length === 0 ? -1 : 0; j < Math.floor(random() * 3); j++) {
      const id = `id_${++calls}`;
      const name = pick(random, ['f', 'g']);
      parts.push({ functionCall: { id, name, args: args(random) } });
      responses.push({ functionResponse: { id, name, response: { output: text(random) } } });
    }
    turns.push({ role: 'model', parts });
  }
  return turns;
}

export function request(random: Random): JsonObject {
  const names = ['f', 'g'].slice(0, 1 + Math.floor(random() * 2));
  const functionDeclarations = names.map((name) => ({
    name,
    description: text(random),
    parametersJsonSchema: { type: 'object', properties: { k_0: { type: 'string' } }, required: ['k_0'] },
  }));
  const modes = [{ mode: 'AUTO' }, { mode: 'ANY' }, { mode: 'NONE' }];
  return {
    contents: contents(random),
    ...(random() < 0.5 && { systemInstruction: { parts: [{ text: text(random) }] } }),
    ...(random() < 0.7 && {
      tools: [{ functionDeclarations }],
      toolConfig: { functionCallingConfig: pick(random, modes) },
    }),
    generationConfig: {
      maxOutputTokens: 1 + Math.floor(random() * 1_000),
      ...(random() < 0.5 && { temperature: Math.floor(random() * 4) / 4 }),
      ...(random() < 0.5 && { stopSequences: ['END', text(random)] }),
      ...(random() < 0.3 && {
        responseMimeType: 'application/json',
        responseJsonSchema: { type: 'object', properties: {}, additionalProperties: false },
      }),
    },
  };
}

/** One answer as the parts of its chunks, without signatures. */
export function answerParts(random: Random): JsonObject[] {
  const parts: JsonObject[] = [];
  for (let i = 0; i < random() * 3; i++) parts.push({ text: text(random), thought: true });
  for (let i = 0; i < random() * 4; i++) parts.push({ text: text(random) });
  for (let i = 0; i < random() * 3; i++) parts.push({ functionCall: { id: `id_${i}`, name: 'f', args: args(random) } });
  return parts;
}

export function usage(random: Random): JsonObject {
  const prompt = 1 + Math.floor(random() * 1_000);
  const candidates = Math.floor(random() * 1_000);
  const cached = Math.floor(random() * prompt);
  const thoughts = Math.floor(random() * 3) * 10;
  return {
    promptTokenCount: prompt,
    ...(cached > 0 && { cachedContentTokenCount: cached }),
    candidatesTokenCount: candidates,
    ...(thoughts > 0 && { thoughtsTokenCount: thoughts }),
    totalTokenCount: prompt + candidates + thoughts,
  };
}
