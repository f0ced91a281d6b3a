/** Connections through the proxy of the environment; undici decides which requests go through it (core/target/proxy.ts says the same). */
import { EnvHttpProxyAgent } from 'undici';
import type { Dispatcher } from 'undici';
import { proxyFor, type ProxySettings } from '../core/target/proxy.ts';

export type ProxyAgentOptions = Omit<EnvHttpProxyAgent.Options, keyof ProxySettings>;

/** null: this address is reached without one. */
export function proxyAgent(url: string, proxy: ProxySettings, options: ProxyAgentOptions = {}): Dispatcher | null {
  if (proxyFor(url, proxy) === null) return null;
  return new EnvHttpProxyAgent({ ...options, ...proxy });
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
