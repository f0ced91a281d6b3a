/** Connections to a target in the process: they call the adapter's handler as undici does. */
import type { Dispatcher } from 'undici';
import type { Connections } from '../../src/adapters/genesys/http-client.ts';
import type { RawAnswer } from './answers.ts';

/** What comes back: an answer, a connection that breaks before or after its head, or nothing ever. */
export type Reply =
  | { readonly kind: 'answer'; readonly answer: RawAnswer }
  | { readonly kind: 'broken'; readonly answer: RawAnswer | null; readonly code: string }
  | { readonly kind: 'silence' };

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
}

export function connectionsTo(respond: (asked: Asked) => Reply): Connections {
  return {
    dispatch: ({ method, path, headers, body }, handler) => {
      const asked = {
        method,
        path,
        headers: headers as Asked['headers'],
        body: typeof body === 'string' ? body : null,
      };
      setImmediate(() => exchange(asked, handler, respond));
      return true;
    },
    destroy: async () => undefined,
  };
}

function exchange(asked: Asked, handler: Dispatcher.DispatchHandler, respond: (asked: Asked) => Reply): void {
  const state = { isAborted: false };
  const controller: Dispatcher.DispatchController = {
    get aborted() {
      return state.isAborted;
    },
    paused: false,
    reason: null,
    abort: () => {
      state.isAborted = true;
    },
    pause: () => undefined,
    resume: () => undefined,
  };
  const fail = (error: Error): void => handler.onResponseError?.(controller, error);
  try {
    checkHeaders(asked);
    handler.onRequestStart?.(controller, null);
  } catch (error) {
    return fail(error as Error);
  }
  const reply = respond(asked);
  if (reply.kind === 'silence') return;
  const { answer } = reply;
  if (answer !== null) {
    handler.onResponseStart?.(controller, answer.status, answer.headers, '');
    if (answer.body.length > 0) handler.onResponseData?.(controller, answer.body);
  }
  if (reply.kind === 'broken') return fail(Object.assign(new Error('broken'), { code: reply.code }));
  handler.onResponseEnd?.(controller, {});
}

/** As undici (core/request.js) refuses them. */
function checkHeaders({ headers }: Asked): void {
  for (const [name, value] of Object.entries(headers)) {
    if (/[^\t\x20-\x7e\x80-\xff]/.test(value)) {
      throw Object.assign(new Error(`invalid ${name} header`), { code: 'UND_ERR_INVALID_ARG' });
    }
  }
}
