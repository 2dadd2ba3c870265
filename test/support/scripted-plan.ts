/** How the scripted upstream says a script: in the protocol of the path at which it was asked, streamed if that was asked for. */
import { chatCompletion, chatFrames } from './chat-answer.ts';
import { geminiAnswer, geminiArray, geminiFrames } from './gemini-answer.ts';
import { messageFrames, wholeMessage } from './messages-answer.ts';
import type { ModelScript } from './model-script.ts';
import { responseFrames, wholeResponse } from './responses-answer.ts';
import type { Plan, Received } from './upstream.ts';

const SSE = { 'content-type': 'text/event-stream; charset=utf-8' };

/** `more` replaces what it names. Answers are cut anywhere, unless it says how, or where they break: then each event is a piece. */
export function sayScript(script: ModelScript, more: Plan = {}): (request: Received) => Plan {
  return (request) => {
    const frames = framesOf(script, request);
    const body = frames ?? wholeOf(script, request);
    const cut = more.breakAt === undefined ? { cutBytesMax: 37 } : {};
    return { body, ...(frames === null ? {} : { headers: SSE }), ...cut, ...more };
  };
}

/** Null: it is not asked for events. */
function framesOf(script: ModelScript, { url, stream, body }: Received): Buffer[] | null {
  if (url.includes(':streamGenerateContent')) return url.includes('alt=sse') ? geminiFrames(script) : null;
  if (!stream) return null;
  if (url.includes('/chat/completions')) return chatFrames(script, body.includes('"include_usage":true'));
  return url.includes('/responses') ? responseFrames(script) : messageFrames(script);
}

function wholeOf(script: ModelScript, { url }: Received): Buffer {
  if (url.includes(':streamGenerateContent')) return geminiArray(script);
  if (url.includes(':generateContent')) return geminiAnswer(script);
  if (url.includes('/chat/completions')) return chatCompletion(script);
  return url.includes('/responses') ? wholeResponse(script) : wholeMessage(script);
}
