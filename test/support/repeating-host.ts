/** A login host and API that refuse everything, and repeat in every part of the answer what they were sent. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface RepeatingHost {
  readonly url: string;
  /** Every token that it has handed out. */
  readonly tokens: readonly string[];
  /** What the login host answers: a token, a refusal (400), or a failure whose body is no JSON (502). */
  login: 'grants' | 'refuses' | 'fails';
  /** What the API answers. */
  status: number;
  stop(): Promise<void>;
}

export async function startRepeatingHost(): Promise<RepeatingHost> {
  const tokens: string[] = [];
  const server = createServer((request, response) => {
    if (request.url !== '/oauth/token') return repeat(request, response, host.status);
    if (host.login !== 'grants') return repeat(request, response, host.login === 'refuses' ? 400 : 502);
    const token = `granted.${tokens.length}-${'x'.repeat(40)}`;
    tokens.push(token);
    response.end(JSON.stringify({ access_token: token, token_type: 'bearer', expires_in: 3600 }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const host: RepeatingHost = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    tokens,
    login: 'grants',
    status: 403,
    stop: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
  return host;
}

function repeat(request: IncomingMessage, response: ServerResponse, status: number): void {
  const { authorization = '' } = request.headers;
  const sent = authorization.replace(/^\w+ /, '');
  const forms = [
    authorization,
    sent,
    encodeURIComponent(sent),
    Buffer.from(sent, 'base64').toString(),
    ...formsOf(sent),
  ];
  // So often that a text cut at whatever length is cut within one of them.
  const message = `${forms.join(' ')} `.repeat(20);
  // Cut by the host itself: the secret's beginning is all that there is.
  const detail = `refused: ${sent.slice(0, 23)}`;
  response.writeHead(status, { 'inin-correlation-id': sent, etag: `"${status}"` });
  if (status === 502) response.end(`<html><body>${message}</body></html>`);
  else
    response.end(
      JSON.stringify({ error: sent, description: message, code: sent, detail, message, errors: [{ message }] }),
    );
}

function formsOf(sent: string): readonly string[] {
  const bytes = Buffer.from(sent);
  const inHtml = [...bytes].map((byte) => `&#x${byte.toString(16)};`).join('');
  return [bytes.toString('hex'), Buffer.from(`u:${sent}`).toString('base64'), inHtml, JSON.stringify({ sent })];
}
