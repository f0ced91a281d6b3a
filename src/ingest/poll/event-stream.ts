/** Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html): bytes → messages. Pure. */

export interface Message {
  readonly event: string;
  readonly data: string;
  /** null: the message has none. */
  readonly id: string | null;
}

export class MessageReader {
  readonly #decoder = new TextDecoder();
  #rest = '';

  /** What is held of a message that is not complete yet, in UTF-16 units. */
  get pendingLength(): number {
    return this.#rest.length;
  }

  /** Messages that these bytes complete. */
  read(bytes: Uint8Array): readonly Message[] {
    const text = this.#rest + this.#decoder.decode(bytes, { stream: true });
    // A carriage return at the end may be half of a line end.
    const parts = text.replace(/\r\n/g, '\n').split('\n\n');
    this.#rest = parts.pop() ?? '';
    return parts.flatMap((part) => messageIn(part) ?? []);
  }
}

function messageIn(part: string): Message | null {
  let event = 'message';
  let id: string | null = null;
  const data: string[] = [];
  for (const line of part.split('\n')) {
    const [, field, value = ''] = /^([^:]+):? ?(.*)$/s.exec(line) ?? [];
    if (field === 'event') event = value;
    if (field === 'id') id = value;
    if (field === 'data') data.push(value);
  }
  return data.length === 0 ? null : { event, data: data.join('\n'), id };
}
