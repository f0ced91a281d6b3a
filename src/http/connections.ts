/**
 * The open connections of a server, at most so many. A new one is always let in: where there are too many, the oldest
 * one without an authenticated request is closed, of the address that has most of them.
 */
import type { Socket } from 'node:net';

interface Connection {
  readonly socket: Socket;
  readonly address: string;
  /** Authenticated requests under way. */
  requests: number;
}

export class Connections {
  /** By the sender's address and port, the oldest first: of TLS a request knows another object than the server. */
  readonly #open = new Map<string, Connection>();
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  admit(socket: Socket): void {
    const name = nameOf(socket);
    if (this.#open.size >= this.#max) this.#closeOne();
    const connection = { socket, address: socket.remoteAddress ?? '', requests: 0 };
    this.#open.set(name, connection);
    socket.once('close', () => {
      if (this.#open.get(name) === connection) this.#open.delete(name);
    });
  }

  /** It is kept until the returned function is called. */
  keep(socket: Socket): () => void {
    const connection = this.#open.get(nameOf(socket));
    if (connection === undefined) return () => undefined;
    connection.requests += 1;
    return () => {
      connection.requests -= 1;
    };
  }

  #closeOne(): void {
    const idle = [...this.#open].filter(([, { requests }]) => requests === 0);
    const counts = new Map<string, number>();
    for (const [, { address }] of idle) counts.set(address, (counts.get(address) ?? 0) + 1);
    const most = Math.max(...counts.values());
    const oldest = idle.find(([, { address }]) => counts.get(address) === most);
    if (oldest === undefined) return;
    const [name, { socket }] = oldest;
    this.#open.delete(name);
    socket.destroy();
  }
}

const nameOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`;
