/**
 * What clients of the Sora façade get: chat completions, and chunks of them, with the media in Markdown or HTML. Pure; front threads.
 *
 *   chunks    role ─► reasoning_content "progress: 42%" … ─► content ─► finish_reason "stop" ─► [DONE]
 *   content   video: "```html\n<video src='URL' controls></video>\n```"       pictures: one "![image](URL)" a line
 *
 * No usage: nothing here is billed by tokens.
 */

export interface AnswerHead {
  readonly id: string;
  /** Unix seconds. */
  readonly created: number;
  readonly model: string;
}

export const STREAM_DONE = Buffer.from('data: [DONE]\n\n');
export const COMMENT_PING = Buffer.from(':\n\n');

export function mediaContent(kind: 'image' | 'video', urls: readonly string[]): string {
  if (kind === 'video') return `\`\`\`html\n<video src='${urls[0] ?? ''}' controls></video>\n\`\`\``;
  return urls.map((url) => `![image](${url})`).join('\n');
}

export function roleChunk(head: AnswerHead): Uint8Array {
  return chunk(head, { role: 'assistant' }, null);
}

export function progressChunk(head: AnswerHead, percent: number): Uint8Array {
  return chunk(head, { reasoning_content: `progress: ${percent}%\n` }, null);
}

export function contentChunk(head: AnswerHead, content: string): Uint8Array {
  return chunk(head, { content }, null);
}

export function finishChunk(head: AnswerHead): Uint8Array {
  return chunk(head, {}, 'stop');
}

export function wholeAnswer(head: AnswerHead, kind: 'image' | 'video', urls: readonly string[]): Uint8Array {
  const message = { role: 'assistant', content: mediaContent(kind, urls) };
  const choices = [{ index: 0, message, finish_reason: 'stop' }];
  const several = urls.length > 1 ? { media_urls: urls } : {};
  return json({ ...common(head), object: 'chat.completion', choices, media_url: urls[0] ?? '', ...several });
}

export function modelList(names: readonly string[]): Uint8Array {
  const data = names.map((id) => ({ id, object: 'model', created: 0, owned_by: 'sora' }));
  return json({ object: 'list', data });
}

function chunk(head: AnswerHead, delta: object, finish_reason: 'stop' | null): Uint8Array {
  const choices = [{ index: 0, delta, finish_reason }];
  return Buffer.from(`data: ${JSON.stringify({ ...common(head), object: 'chat.completion.chunk', choices })}\n\n`);
}

function common({ id, created, model }: AnswerHead): object {
  return { id: `chatcmpl-${id}`, created, model };
}

function json(value: object): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}
