/**
 * Writes the content blocks of a Messages stream: one after another, each started, continued and stopped, whatever the order in
 * which its parts arrive. Never throws. One per stream.
 *
 *   head (open, written at once) ─► next (waits, its text is kept) ─► next …
 *
 * A block of text is over when another begins. A tool call is over when its arguments are a whole JSON value; while they are not, an
 * upstream may still come back to it, so what begins in the meantime waits. Arguments behind a whole value are left out: some
 * upstreams repeat them at the end.
 *
 *   event: content_block_start   { index, content_block }
 *   event: content_block_delta   { index, delta: text_delta | thinking_delta | input_json_delta }
 *   event: content_block_stop    { index }
 */
import { JsonExtent } from './json-extent.ts';
import { KeptText } from './kept-text.ts';

/** More calls or more waiting text than this is no answer of a model; a stream that sends them is failed. */
const CALLS_MAX = 512;
const WAITING_CHARS_MAX = 8_388_608;
/** What a block takes beside its text. */
const BLOCK_CHARS = 128;

type Kind = 'text' | 'thinking' | 'tool';

interface Block {
  readonly kind: Kind;
  readonly extent: JsonExtent | null;
  id: string;
  name: string;
  /** Text that has arrived and not been written. */
  readonly waiting: KeptText;
  open: boolean;
  closed: boolean;
}

export class MessagesBlockWriter {
  readonly #signature: string;
  readonly #calls = new Map<number, Block>();
  readonly #queue: Block[] = [];
  #latestCall: Block | null = null;
  #callCount = 0;
  #index = 0;
  #waitingChars = 0;
  /** Of the calls' ids and names. */
  #nameChars = 0;
  #overrun = false;

  /** @param signature What thinking blocks are signed with when they stop. */
  constructor(signature: string) {
    this.#signature = signature;
  }

  get hasCalls(): boolean {
    return this.#callCount > 0;
  }

  /** How many calls have begun. */
  get callCount(): number {
    return this.#callCount;
  }

  /** The upstream sent more than is kept; what this has written is not whole. */
  get overrun(): boolean {
    return this.#overrun;
  }

  /** About how many characters are kept: what waits, and what tells calls apart. */
  get heldChars(): number {
    return this.#waitingChars + this.#nameChars + (this.#queue.length + this.#calls.size) * BLOCK_CHARS;
  }

  text(kind: 'text' | 'thinking', text: string): string {
    if (text === '') return '';
    let block = this.#queue.at(-1);
    if (block === undefined || block.kind !== kind) block = this.#append(kind);
    return this.#give(block, text);
  }

  /**
   * Whether a part with this index (null: the upstream gives none), id and name ('' for none) belongs to a call that has begun. Calls
   * that all carry one index, or none, are told apart by id and name together: some upstreams repeat the name in every part,
   * others write a new id into every part.
   */
  continues(index: number | null, id: string, name: string): boolean {
    const block = this.#find(index);
    if (block === null || name === '') return block !== null;
    if (id === '') return index !== null || block.name === '';
    return id === block.id;
  }

  /** Begins a call. An empty name can be given later. */
  beginCall(index: number | null, id: string, name: string): string {
    if (this.#callCount >= CALLS_MAX) {
      this.#overrun = true;
      return '';
    }
    const block = this.#append('tool');
    block.id = id;
    block.name = name;
    this.#nameChars += id.length + name.length;
    this.#latestCall = block;
    this.#callCount++;
    if (index !== null) this.#calls.set(index, block);
    return this.#advance(false);
  }

  /** More of a call that has begun. */
  continueCall(index: number | null, name: string, text: string): string {
    const block = this.#find(index);
    if (block === null || block.closed) return '';
    if (block.name === '') {
      block.name = name;
      this.#nameChars += name.length;
    }
    return this.#give(block, block.extent!.take(text));
  }

  /** Nothing may follow. */
  forget(): void {
    this.#queue.length = 0;
    this.#calls.clear();
    this.#latestCall = null;
    this.#waitingChars = 0;
    this.#nameChars = 0;
  }

  /** Writes and stops everything; nothing may follow. */
  finish(): string {
    return this.#advance(true);
  }

  #find(index: number | null): Block | null {
    return index === null ? this.#latestCall : (this.#calls.get(index) ?? null);
  }

  #append(kind: Kind): Block {
    const extent = kind === 'tool' ? new JsonExtent() : null;
    const block = { kind, extent, id: '', name: '', waiting: new KeptText(), open: false, closed: false };
    this.#queue.push(block);
    return block;
  }

  #give(block: Block, text: string): string {
    if (block.open && block === this.#queue[0]) {
      const out = text === '' ? '' : this.#delta(block.kind, text);
      return this.#queue.length === 1 ? out : out + this.#advance(false);
    }
    this.#waitingChars += text.length;
    if (this.#waitingChars > WAITING_CHARS_MAX) this.#overrun = true;
    else block.waiting.add(text);
    return this.#advance(false);
  }

  #advance(all: boolean): string {
    let out = '';
    for (let block = this.#queue[0]; block !== undefined; block = this.#queue[0]) {
      if (!block.open) {
        if (block.kind === 'tool' && block.name === '' && !all) break;
        block.open = true;
        out += this.#start(block);
      }
      if (block.waiting.length > 0) {
        out += this.#delta(block.kind, block.waiting.text);
        this.#waitingChars -= block.waiting.length;
        block.waiting.clear();
      }
      const over = block.extent === null || block.extent.whole;
      if (!all && !(over && this.#queue.length > 1)) break;
      out += this.#stop(block);
      this.#queue.shift();
    }
    return out;
  }

  #start(block: Block): string {
    return `event: content_block_start\ndata: {"type":"content_block_start","index":${this.#index},"content_block":${blockText(block)}}\n\n`;
  }

  #delta(kind: Kind, text: string): string {
    const delta =
      kind === 'text'
        ? `"text_delta","text":`
        : kind === 'thinking'
          ? `"thinking_delta","thinking":`
          : `"input_json_delta","partial_json":`;
    return `event: content_block_delta\ndata: {"type":"content_block_delta","index":${this.#index},"delta":{"type":${delta}${JSON.stringify(text)}}}\n\n`;
  }

  #stop(block: Block): string {
    const index = this.#index++;
    block.closed = true;
    const signature =
      block.kind === 'thinking'
        ? `event: content_block_delta\ndata: {"type":"content_block_delta","index":${index},"delta":{"type":"signature_delta","signature":${JSON.stringify(this.#signature)}}}\n\n`
        : '';
    return `${signature}event: content_block_stop\ndata: {"type":"content_block_stop","index":${index}}\n\n`;
  }
}

function blockText(block: Block): string {
  if (block.kind === 'text') return '{"type":"text","text":""}';
  if (block.kind === 'thinking') return '{"type":"thinking","thinking":"","signature":""}';
  return `{"type":"tool_use","id":${JSON.stringify(block.id)},"name":${JSON.stringify(block.name)},"input":{}}`;
}
