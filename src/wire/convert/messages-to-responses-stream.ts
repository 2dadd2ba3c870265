/**
 * A stream of a Messages upstream as a Responses stream. Pure; one object a stream.
 *
 *   message_start                    → created, in_progress; its usage is kept
 *   content_block_start, _delta, _stop of
 *     text                           → a part of the open message; a block of another kind closes the message
 *     thinking, redacted_thinking    → a reasoning item
 *     tool_use                       → a call; the input of a free-form one is told in one piece, at its end
 *     server_tool_use web_search     → held until web_search_tool_result, then a whole web_search_call
 *   message_delta                    → its stop reason and usage are kept
 *   message_stop                     → completed or incomplete
 *   error                            → error
 *
 * Blocks of Messages come one after another; what belongs to none that is open is left out.
 */
import { carriedThinking } from './carried-thinking.ts';
import type { AnswerContext, JsonObject, StreamConverter, StreamOutcome } from './crossing.ts';
import { IN_STREAM, openAiOfMessages } from './error-kinds.ts';
import { asArray, asNumber, asObject, asString, parseObject, writeJson } from './json.ts';
import { jsonChars } from './json-chars.ts';
import { KeptText } from './kept-text.ts';
import { KeptUsage, USAGE_OF_MESSAGES } from './kept-usage.ts';
import {
  annotationOf,
  callOf,
  freeformInput,
  incompleteReasonOf,
  tierOf,
  tokensOf,
  webSearchCall,
} from './messages-to-responses-answer.ts';
import { ResponsesWriter } from './responses-writer.ts';

interface OpenBlock {
  readonly index: number;
  readonly block: JsonObject;
  readonly freeform: boolean;
  /** Characters of a text, or of a tool's input as JSON. */
  textLength: number;
  /** The input of a tool that is told whole: of a free-form one or of a search. */
  readonly input: KeptText;
  readonly signature: KeptText;
  readonly citations: unknown[];
  /** Of the block as it was started, and of its citations. */
  chars: number;
}

export class MessagesToResponsesStream implements StreamConverter {
  readonly #context: AnswerContext;
  readonly #writer: ResponsesWriter;
  readonly #usage = new KeptUsage(USAGE_OF_MESSAGES);
  #stopReason: unknown = null;
  #open: OpenBlock | null = null;
  /** Searches whose results have not come, by the id of their call. */
  readonly #searches = new Map<string, JsonObject>();
  #searchChars = 0;

  constructor(context: AnswerContext) {
    this.#context = context;
    this.#writer = new ResponsesWriter(context);
  }

  get outcome(): StreamOutcome {
    return this.#writer.outcome;
  }

  event(name: string, data: JsonObject): string {
    if (this.outcome !== 'open') return '';
    this.#event(asString(data['type']) ?? name, data);
    return this.#writer.take();
  }

  end(): string {
    return '';
  }

  get heldChars(): number {
    if (this.#writer.outcome !== 'open') return 0;
    const open = this.#open;
    const openChars = open === null ? 0 : open.chars + open.input.length + open.signature.length;
    return this.#writer.heldChars + this.#usage.heldChars + this.#searchChars + openChars;
  }

  #event(type: string, data: JsonObject): void {
    switch (type) {
      case 'message_start':
        return this.#start(asObject(data['message']) ?? {});
      case 'content_block_start':
        return this.#blockStart(asNumber(data['index']) ?? 0, asObject(data['content_block']));
      case 'content_block_delta':
        return this.#blockDelta(asNumber(data['index']) ?? 0, asObject(data['delta']));
      case 'content_block_stop':
        return this.#blockStop();
      case 'message_delta':
        return this.#delta(data);
      case 'message_stop':
        return this.#stop();
      case 'error': {
        const { code, message, type: kind } = openAiOfMessages(IN_STREAM, data);
        this.#open = null;
        this.#searches.clear();
        return this.#writer.fail(code ?? kind, message);
      }
    }
  }

  #start(message: JsonObject): void {
    this.#usage.add(message['usage']);
    this.#writer.begin(asString(message['id']));
  }

  #blockStart(index: number, block: JsonObject | null): void {
    this.#blockStop();
    if (block === null) return;
    const type = block['type'];
    if (type !== 'text') this.#writer.closeMessage();
    const open = openBlock(index, block, false);
    this.#open = open;
    if (type === 'text') this.#text(open, asString(block['text']) ?? '');
    else if (type === 'thinking') this.#writer.reasoning(asString(block['thinking']) ?? '');
    else if (type === 'tool_use') this.#open = this.#call(index, block);
    else if (type === 'web_search_tool_result') this.#searchResult(block);
  }

  #call(index: number, block: JsonObject): OpenBlock {
    const { callId, name, namespace, freeform } = callOf(block, index, this.#context, '');
    this.#writer.openCall(index, { callId, name, namespace, freeform });
    const given = asObject(block['input']) ?? {};
    const open = openBlock(index, block, freeform);
    if (Object.keys(given).length > 0) this.#input(open, writeJson(given) ?? '{}');
    return open;
  }

  #blockDelta(index: number, delta: JsonObject | null): void {
    const open = this.#open;
    if (open === null || delta === null || open.index !== index) return;
    switch (delta['type']) {
      case 'text_delta':
        if (open.block['type'] === 'text') this.#text(open, asString(delta['text']) ?? '');
        return;
      case 'thinking_delta':
        if (open.block['type'] === 'thinking') this.#writer.reasoning(asString(delta['thinking']) ?? '');
        return;
      case 'signature_delta':
        return open.signature.add(asString(delta['signature']) ?? '');
      case 'input_json_delta':
        return this.#input(open, asString(delta['partial_json']) ?? '');
      case 'citations_delta':
        open.citations.push(delta['citation']);
        open.chars += jsonChars(delta['citation']);
        return;
    }
  }

  #text(open: OpenBlock, text: string): void {
    open.textLength += text.length;
    this.#writer.text(text);
  }

  #input(open: OpenBlock, json: string): void {
    open.textLength += json.length;
    const isCall = open.block['type'] === 'tool_use';
    if (isCall && !open.freeform) this.#writer.callDelta(open.index, json);
    else if (isCall || open.block['type'] === 'server_tool_use') open.input.add(json);
  }

  #blockStop(): void {
    const open = this.#open;
    if (open === null) return;
    this.#open = null;
    switch (open.block['type']) {
      case 'text':
        return this.#closeText(open);
      case 'thinking':
      case 'redacted_thinking':
        return this.#closeThinking(open);
      case 'tool_use':
        return this.#closeCall(open);
      case 'server_tool_use':
        return this.#searchCall(open);
    }
  }

  #closeText(open: OpenBlock): void {
    for (const citation of open.citations) {
      const annotation = annotationOf(asObject(citation), open.textLength);
      if (annotation !== null) this.#writer.annotate(annotation);
    }
    this.#writer.closePart();
  }

  #closeThinking(open: OpenBlock): void {
    const signature = (asString(open.block['signature']) ?? '') + open.signature.text;
    this.#writer.closeReasoning(carriedThinking({ ...open.block, signature }));
  }

  /** A tool that is called without any input says so in JSON. */
  #closeCall(open: OpenBlock): void {
    if (open.freeform) this.#writer.callDelta(open.index, freeformInput(open.input.text));
    else if (open.textLength === 0) this.#writer.callDelta(open.index, '{}');
    this.#writer.closeCall(open.index);
  }

  #searchCall(open: OpenBlock): void {
    if (open.block['name'] !== 'web_search') return;
    const { text } = open.input;
    const input = (text === '' ? asObject(open.block['input']) : parseObject(text)) ?? {};
    const id = asString(open.block['id']) ?? '';
    this.#forgetSearch(id);
    this.#searches.set(id, input);
    this.#searchChars += id.length + jsonChars(input);
  }

  #searchResult(result: JsonObject): void {
    const id = asString(result['tool_use_id']) ?? '';
    const input = this.#searches.get(id);
    if (input === undefined) return;
    this.#forgetSearch(id);
    this.#writer.wholeItem('ws', webSearchCall(input, result));
  }

  #forgetSearch(id: string): void {
    const input = this.#searches.get(id);
    if (input === undefined) return;
    this.#searches.delete(id);
    this.#searchChars -= id.length + jsonChars(input);
  }

  #delta(data: JsonObject): void {
    this.#usage.add(data['usage']);
    this.#stopReason = asObject(data['delta'])?.['stop_reason'] ?? this.#stopReason;
  }

  #stop(): void {
    this.#blockStop();
    for (const input of this.#searches.values()) this.#writer.wholeItem('ws', webSearchCall(input, null));
    this.#writer.end({
      incompleteReason: incompleteReasonOf(this.#stopReason),
      tokens: tokensOf(this.#usage.fields),
      serviceTier: tierOf(this.#usage.fields),
    });
  }
}

function openBlock(index: number, block: JsonObject, freeform: boolean): OpenBlock {
  const citations = [...(asArray(block['citations']) ?? [])];
  const chars = jsonChars(block);
  return { index, block, freeform, textLength: 0, input: new KeptText(), signature: new KeptText(), citations, chars };
}
