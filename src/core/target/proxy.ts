/** Which proxy a request goes through: as undici's EnvHttpProxyAgent decides, which sends it, save that this machine has none. */
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

/** null: none. */
export function proxyFor(url: string, { httpProxy, httpsProxy, noProxy }: ProxySettings): string | null {
  const { protocol, hostname, port } = new URL(url);
  const proxy = protocol === 'https:' ? httpsProxy || httpProxy : httpProxy;
  if (proxy === '' || isLocal(hostname) || noProxy === '*') return null;
  const target = { hostname: hostname.toLowerCase(), port: Number(port) || (protocol === 'https:' ? 443 : 80) };
  return noProxy.split(/[,\s]/).some((entry) => entry !== '' && names(entry, target)) ? null : proxy;
}

function names(entry: string, target: { readonly hostname: string; readonly port: number }): boolean {
  const [, host = entry, port = ''] = /^(.+):(\d+)$/.exec(entry) ?? [];
  if (port !== '' && Number(port) !== target.port) return false;
  const name = host.replace(/^\*?\./, '').toLowerCase();
  return target.hostname === name || target.hostname.endsWith(`.${name}`);
}

/** Without user and password. */
export const shownProxy = (proxy: string): string => {
  const { protocol, host } = new URL(proxy);
  return `${protocol}//${host}`;
};
