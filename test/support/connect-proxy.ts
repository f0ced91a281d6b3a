/** A proxy of HTTP CONNECT on this machine: whatever is asked for, it leads to one target. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';

export interface ConnectProxy {
  readonly port: number;
  /** `host:port` of each tunnel, and the credentials that it was asked with. */
  readonly tunnels: readonly { readonly to: string; readonly credentials: string | null }[];
  close(): Promise<void>;
}

/** @param target where every tunnel ends; null: it refuses each with 407. */
export async function startConnectProxy(target: string | null): Promise<ConnectProxy> {
  const tunnels: { to: string; credentials: string | null }[] = [];
  const sockets = new Set<Duplex>();
  const server = createServer((_, response) => response.writeHead(405).end());
  server.on('connect', (request, socket) => {
    tunnels.push({ to: request.url ?? '', credentials: request.headers['proxy-authorization'] ?? null });
    if (target === null) return socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
    const upstream = connect(Number(new URL(target).port), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      upstream.pipe(socket).pipe(upstream);
    });
    for (const each of [socket, upstream]) {
      sockets.add(each);
      each.on('error', () => upstream.destroy());
    }
    return undefined;
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    tunnels,
    close: async () => {
      server.close();
      server.closeAllConnections();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}
