/** Which requests go through the proxy of the environment, and the connections through it. */
import { createRequire } from 'node:module';
import type { Dispatcher, ProxyAgent as UndiciProxyAgent } from 'undici';

const load = createRequire(import.meta.url);

/** Empty: there is none. */
export interface ProxySettings {
  readonly httpProxy: string;
  /** Where it is empty, `httpProxy` serves https too. */
  readonly httpsProxy: string;
  /** Names, separated by commas or spaces, that are reached without one; `*`: all. */
  readonly noProxy: string;
}

/** Never through a proxy: it would look for this machine's services on its own. */
const isLocal = (hostname: string): boolean => /^(?:(?:.+\.)?localhost|127(?:\.\d{1,3}){3}|\[::1\])$/i.test(hostname);

/** As undici's EnvHttpProxyAgent decides, save that this machine is reached without one. null: none. */
export function proxyFor(url: string, { httpProxy, httpsProxy, noProxy }: ProxySettings): string | null {
  const { protocol, hostname, port } = new URL(url);
  const proxy = protocol === 'https:' ? httpsProxy || httpProxy : httpProxy;
  if (proxy === '' || isLocal(hostname) || noProxy === '*') return null;
  const target = { hostname: hostname.toLowerCase(), port: Number(port) || (protocol === 'https:' ? 443 : 80) };
  return noProxy.split(/[,\s]/).some((entry) => entry !== '' && names(entry, target)) ? null : proxy;
}

function names(entry: string, target: { readonly hostname: string; readonly port: number }): boolean {
  const [, host = entry, port = 0] = /^(.+):(\d+)$/.exec(entry) ?? [];
  if (Number(port) !== 0 && Number(port) !== target.port) return false;
  const name = host.replace(/^\*?\./, '').toLowerCase();
  return target.hostname === name || target.hostname.endsWith(`.${name}`);
}

/** Without user and password. */
export const shownProxy = (proxy: string): string => {
  const { protocol, host } = new URL(proxy);
  return `${protocol}//${host}`;
};

/** null: this address is reached without one. */
export function proxyAgent(
  url: string,
  proxy: ProxySettings,
  options: Omit<UndiciProxyAgent.Options, 'uri'> = {},
): Dispatcher | null {
  const uri = proxyFor(url, proxy);
  if (uri === null) return null;
  // Few need it, and it takes a tenth of a second. Only undici's index gives dispatchers the method `connect`, which the agent calls.
  const { ProxyAgent } = load('undici') as { readonly ProxyAgent: typeof UndiciProxyAgent };
  return new ProxyAgent({ ...options, uri });
}

/** One agent for each origin: it keeps its connections. @param proxy absent: none */
export function proxyAgents(proxy: ProxySettings | undefined): (url: string) => Dispatcher | null {
  const agents = new Map<string, Dispatcher | null>();
  return (url) => {
    const { origin } = new URL(url);
    const known = agents.get(origin);
    if (known !== undefined || proxy === undefined) return known ?? null;
    const agent = proxyAgent(origin, proxy);
    agents.set(origin, agent);
    return agent;
  };
}
