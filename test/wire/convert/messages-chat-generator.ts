/**
 * Random documents of the subset that Messages and Chat Completions have in common, each in the one form in which its meaning is
 * written there: a document that crosses twice has to come back exactly.
 *
 * Outside the subset, with tests of their own: what is left out, refused, or merged (`messages-chat-terms.ts` and the tables above
 * the four converters).
 */
import type { JsonObject } from '#wire/convert/crossing.ts';
import { REASONING_SIGNATURE } from '#wire/convert/messages-chat-terms.ts';

const WORDS = ['hello', 'ünïcödé 🎈', 'line\nbreak', '"quoted" \\', '{"json":1}', 'data: [DONE]\n\n', '\u2028', 'x'];
const EFFORTS = ['low', 'medium', 'high', 'xhigh', 'max'];

export class DocumentGenerator {
  readonly #random: () => number;
  #ids = 0;

  constructor(random: () => number) {
    this.#random = random;
  }

  messagesRequest(): JsonObject {
    const body: JsonObject = {
      model: 'm',
      max_tokens: this.#below(5000) + 1,
      messages: this.#conversation(this.#turnOfMessages),
    };
    if (this.#maybe()) body['system'] = this.#some(3, () => this.#textPart());
    this.#addShared(body, 'stop_sequences');
    if (this.#maybe()) body['metadata'] = { user_id: this.#text() };
    if (this.#maybe()) body['service_tier'] = this.#one(['auto', 'standard_only']);
    const output: JsonObject = {};
    const effort = this.#one([...EFFORTS, 'none', null]);
    if (effort === 'none') body['thinking'] = { type: 'disabled' };
    else if (effort !== null) {
      body['thinking'] = { type: 'adaptive' };
      output['effort'] = effort;
    }
    if (this.#maybe()) output['format'] = { type: 'json_schema', schema: this.#schema() };
    if (Object.keys(output).length > 0) body['output_config'] = output;
    if (this.#maybe()) this.#addMessagesTools(body);
    return body;
  }

  chatRequest(): JsonObject {
    const messages = this.#conversation(this.#turnOfChat);
    if (this.#maybe()) messages.unshift({ role: 'system', content: this.#textContent() });
    const body: JsonObject = { model: 'm', max_completion_tokens: this.#below(5000) + 1, messages };
    this.#addShared(body, 'stop');
    if (this.#maybe()) body['user'] = this.#text();
    if (this.#maybe()) body['service_tier'] = this.#one(['auto', 'default']);
    if (this.#maybe()) body['reasoning_effort'] = this.#one([...EFFORTS, 'none']);
    if (this.#maybe()) {
      const json_schema = { name: 'answer', schema: this.#schema(), strict: true };
      body['response_format'] = { type: 'json_schema', json_schema };
    }
    if (this.#maybe()) this.#addChatTools(body);
    return body;
  }

  messagesAnswer(): JsonObject {
    const content: JsonObject[] = [];
    if (this.#maybe()) content.push({ type: 'thinking', thinking: this.#text(), signature: REASONING_SIGNATURE });
    if (this.#maybe()) content.push(this.#textPart());
    if (this.#maybe()) content.push(...this.#some(3, () => this.#toolUse()));
    const hasTools = content.some(({ type }) => type === 'tool_use');
    const usage: JsonObject = {
      input_tokens: this.#below(1000),
      cache_creation_input_tokens: this.#below(1000),
      cache_read_input_tokens: this.#below(1000),
      output_tokens: this.#below(1000),
    };
    if (this.#maybe()) usage['output_tokens_details'] = { thinking_tokens: this.#below(100) + 1 };
    if (this.#maybe()) usage['service_tier'] = this.#one(['standard', 'priority']);
    const stop_reason = this.#one(['max_tokens', hasTools ? 'tool_use' : 'end_turn']);
    const head = { id: this.#id(), type: 'message', role: 'assistant', model: 'm' };
    return { ...head, content, stop_reason, stop_sequence: null, usage };
  }

  chatAnswer(): JsonObject {
    const hasCalls = this.#maybe();
    const refusal = !hasCalls && this.#below(8) === 0 ? this.#text() : null;
    const content = refusal === null && this.#maybe() ? this.#text() : null;
    const message: JsonObject = { role: 'assistant', content, refusal };
    if (this.#maybe()) message['reasoning_content'] = this.#text();
    if (hasCalls) message['tool_calls'] = this.#some(3, () => this.#call());
    const finish = refusal !== null ? 'content_filter' : this.#one(['length', hasCalls ? 'tool_calls' : 'stop']);
    const cached = this.#below(100);
    const written = this.#below(100);
    const prompt = this.#below(1000) + cached + written;
    const completion = this.#below(1000);
    return {
      id: this.#id(),
      object: 'chat.completion',
      created: 7,
      model: 'm',
      choices: [{ index: 0, message, logprobs: null, finish_reason: finish }],
      usage: {
        prompt_tokens: prompt,
        completion_tokens: completion,
        total_tokens: prompt + completion,
        prompt_tokens_details: { cached_tokens: cached, cache_write_tokens: written },
        completion_tokens_details: { reasoning_tokens: this.#below(100) },
      },
      ...(this.#maybe() ? { service_tier: this.#one(['default', 'priority']) } : {}),
    };
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  #maybe(): boolean {
    return this.#random() < 0.5;
  }

  #one<T>(choices: readonly T[]): T {
    return choices[this.#below(choices.length)]!;
  }

  /** At least one. */
  #some<T>(limit: number, make: () => T): T[] {
    return Array.from({ length: 1 + this.#below(limit) }, make);
  }

  #id(): string {
    return `id_${this.#ids++}`;
  }

  #text(): string {
    return this.#some(4, () => this.#one(WORDS)).join('');
  }

  #textPart(): JsonObject {
    return { type: 'text', text: `${this.#text()}x` };
  }

  /** One text is a string in Chat, several are parts. */
  #textContent(): unknown {
    const parts = this.#some(3, () => this.#textPart());
    return parts.length === 1 ? parts[0]!['text'] : parts;
  }

  #value(depth: number): unknown {
    const kind = this.#below(depth > 0 ? 6 : 4);
    if (kind === 4) return this.#some(2, () => this.#value(depth - 1));
    if (kind === 5) return this.#record(depth - 1);
    return [null, this.#maybe(), this.#below(100) - 50 + 0.5, this.#text()][kind];
  }

  #record(depth: number): JsonObject {
    const count = this.#below(3);
    return Object.fromEntries(Array.from({ length: count }, (_, i) => [`${this.#one(WORDS)}${i}`, this.#value(depth)]));
  }

  #schema(): JsonObject {
    return { type: 'object', properties: this.#record(2) };
  }

  #toolUse(): JsonObject {
    return { type: 'tool_use', id: this.#id(), name: this.#one(['f', 'g']), input: this.#record(2) };
  }

  #call(): JsonObject {
    const { id, name, input } = this.#toolUse();
    return { id, type: 'function', function: { name, arguments: JSON.stringify(input) } };
  }

  /** Turns in order: the user speaks, sometimes a system message follows, the assistant answers, its calls are answered. */
  #conversation(turn: (this: DocumentGenerator) => JsonObject[]): JsonObject[] {
    return this.#some(3, () => turn.call(this)).flat();
  }

  #turnOfMessages(): JsonObject[] {
    const out: JsonObject[] = [{ role: 'user', content: this.#some(3, () => this.#userBlock()) }];
    if (this.#maybe()) out.push({ role: 'system', content: this.#some(2, () => this.#textPart()) });
    const texts = this.#some(2, () => this.#textPart());
    if (this.#maybe()) return [...out, { role: 'assistant', content: texts }];
    const calls = this.#some(3, () => this.#toolUse());
    const results = calls.map(({ id }) => {
      const result: JsonObject = { type: 'tool_result', tool_use_id: id };
      if (this.#maybe()) result['content'] = this.#some(2, () => this.#textPart());
      return result;
    });
    const tail = this.#maybe() ? [this.#userBlock()] : [];
    out.push({ role: 'assistant', content: this.#maybe() ? [...texts, ...calls] : calls });
    return [
      ...out,
      { role: 'user', content: [...results, ...tail] },
      { role: 'assistant', content: [this.#textPart()] },
    ];
  }

  #userBlock(): JsonObject {
    const pdf = { type: 'base64', media_type: 'application/pdf', data: 'AAAA' };
    return this.#one([
      this.#textPart(),
      { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } },
      { type: 'image', source: { type: 'url', url: 'https://x/y.png' } },
      { type: 'document', source: pdf, title: this.#text() },
    ]);
  }

  #turnOfChat(): JsonObject[] {
    const out: JsonObject[] = [{ role: 'user', content: this.#userContent() }];
    if (this.#maybe()) out.push({ role: 'system', content: this.#textContent() });
    if (this.#maybe()) return [...out, { role: 'assistant', content: this.#textContent() }];
    const tool_calls = this.#some(3, () => this.#call());
    out.push({ role: 'assistant', content: this.#maybe() ? this.#textContent() : null, tool_calls });
    for (const { id } of tool_calls)
      out.push({ role: 'tool', tool_call_id: id, content: this.#maybe() ? this.#textContent() : '' });
    if (this.#maybe()) out.push({ role: 'user', content: this.#userContent() });
    return [...out, { role: 'assistant', content: this.#textContent() }];
  }

  #userContent(): unknown {
    const file = { filename: this.#text(), file_data: 'data:application/pdf;base64,AAAA' };
    const parts = this.#some(3, () =>
      this.#one<JsonObject>([
        this.#textPart(),
        { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } },
        { type: 'image_url', image_url: { url: 'https://x/y.png' } },
        { type: 'file', file },
      ]),
    );
    return parts.length === 1 && parts[0]!['type'] === 'text' ? parts[0]!['text'] : parts;
  }

  #addShared(body: JsonObject, stopField: string): void {
    if (this.#maybe()) body['temperature'] = this.#below(11) / 10;
    if (this.#maybe()) body['top_p'] = this.#below(11) / 10;
    if (this.#maybe()) body[stopField] = this.#some(4, () => this.#text());
  }

  #addMessagesTools(body: JsonObject): void {
    body['tools'] = ['f', 'g'].map((name) => {
      const tool: JsonObject = { name, input_schema: this.#schema() };
      if (this.#maybe()) tool['description'] = this.#text();
      if (this.#maybe()) tool['strict'] = this.#maybe();
      return tool;
    });
    const choice: JsonObject = this.#one([{ type: 'auto' }, { type: 'any' }, { type: 'tool', name: 'f' }]);
    if (this.#maybe()) choice['disable_parallel_tool_use'] = true;
    if (this.#maybe()) body['tool_choice'] = this.#maybe() ? choice : { type: 'none' };
  }

  #addChatTools(body: JsonObject): void {
    body['tools'] = ['f', 'g'].map((name) => {
      const definition: JsonObject = { name, parameters: this.#schema() };
      if (this.#maybe()) definition['description'] = this.#text();
      if (this.#maybe()) definition['strict'] = this.#maybe();
      return { type: 'function', function: definition };
    });
    if (this.#maybe()) return;
    body['tool_choice'] = this.#one<unknown>([
      'auto',
      'none',
      'required',
      { type: 'function', function: { name: 'f' } },
    ]);
    if (body['tool_choice'] !== 'none' && this.#maybe()) body['parallel_tool_calls'] = false;
  }
}
