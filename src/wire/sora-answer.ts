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

export const COMMENT_PING = Buffer.from(':\n\n');
/** What may stand before JSON (RFC 8259, 2). */
export const WHITE_SPACE = Buffer.from(' ');

function mediaContent(kind: 'image' | 'video', urls: readonly string[]): string {
  if (kind === 'video') return `\`\`\`html\n<video src='${urls[0] ?? ''}' controls></video>\n\`\`\``;
  return urls.map((url) => `![image](${url})`).join('\n');
}

export function roleChunk(head: AnswerHead): Uint8Array {
  return Buffer.from(chunk(head, { role: 'assistant' }, null));
}

export function progressChunk(head: AnswerHead, percent: number): Uint8Array {
  return Buffer.from(chunk(head, { reasoning_content: `progress: ${percent}%\n` }, null));
}

/** What was made, and the end, in one piece; with the role, where nothing has been said yet. A picture in it can have megabytes. */
export function lastChunks(
  head: AnswerHead,
  kind: 'image' | 'video',
  urls: readonly string[],
  isFirst: boolean,
): Uint8Array {
  const role = isFirst ? chunk(head, { role: 'assistant' }, null) : '';
  const content = chunk(head, { content: mediaContent(kind, urls) }, null);
  return Buffer.from(`${role}${content}${chunk(head, {}, 'stop')}data: [DONE]\n\n`);
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

function chunk(head: AnswerHead, delta: object, finish_reason: 'stop' | null): string {
  const choices = [{ index: 0, delta, finish_reason }];
  return `data: ${JSON.stringify({ ...common(head), object: 'chat.completion.chunk', choices })}\n\n`;
}

function common({ id, created, model }: AnswerHead): object {
  return { id: `chatcmpl-${id}`, created, model };
}

function json(value: object): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}
