/** Bytes of scripted answers in the shape of Gemini: one document, SSE, or an array in pieces. Pure; the scripted upstream serves them. */
import { argumentsOf, type ModelScript, type TokenUse, textOf } from './model-script.ts';

export function geminiUsage({ input, cached, output, reasoning }: TokenUse): object {
  return {
    promptTokenCount: input + cached,
    cachedContentTokenCount: cached,
    candidatesTokenCount: output - reasoning,
    thoughtsTokenCount: reasoning,
    totalTokenCount: input + cached + output,
    promptTokensDetails: [{ modality: 'TEXT', tokenCount: input + cached }],
  };
}

function answer(script: ModelScript, parts: object[], finishReason: string | null, use: TokenUse): object {
  const content = { role: 'model', parts };
  const candidate = finishReason === null ? { content, index: 0 } : { content, finishReason, index: 0 };
  const { model, id } = script;
  return { candidates: [candidate], usageMetadata: geminiUsage(use), modelVersion: model, responseId: id };
}

function callParts({ calls }: ModelScript): object[] {
  return calls.map((call) => ({ functionCall: { id: call.id, name: call.name, args: JSON.parse(argumentsOf(call)) } }));
}

export function geminiAnswer(script: ModelScript): Buffer {
  const parts = [{ text: textOf(script) }, ...callParts(script)];
  return Buffer.from(JSON.stringify(answer(script, parts, 'STOP', script.use)));
}

/** The documents of a stream; their usage grows. */
function chunks(script: ModelScript): string[] {
  const { use, texts, calls } = script;
  const early = { ...use, output: use.reasoning + 1 };
  const made = texts.map((text) => answer(script, [{ text }], null, early));
  if (calls.length > 0) made.push(answer(script, callParts(script), null, early));
  made.push(answer(script, [{ text: '' }], 'STOP', use));
  return made.map((chunk) => JSON.stringify(chunk));
}

/** `alt=sse`. */
export function geminiFrames(script: ModelScript): Buffer[] {
  return chunks(script).map((chunk) => Buffer.from(`data: ${chunk}\r\n\r\n`));
}

/** Without `alt=sse`. */
export function geminiArray(script: ModelScript): Buffer {
  return Buffer.from(`[${chunks(script).join('\n,\r\n')}\n]`);
}

/** An error as Google says it. */
export function geminiError(code: number, status: string, message: string, details: object[] = []): Buffer {
  return Buffer.from(JSON.stringify({ error: { code, message, status, details } }));
}
