/** HTTPS_PROXY, HTTP_PROXY and NO_PROXY, in small letters too, as other programs read them. */
import type { ProxySettings } from '../adapters/proxy.ts';
import type { Problem } from './problem.ts';
import type { Environment } from './variables.ts';

export interface ReadProxy {
  readonly proxy: ProxySettings;
  readonly problems: readonly Problem[];
  /** Passwords in them. */
  readonly secrets: readonly string[];
}

export function readProxy(environment: Environment): ReadProxy {
  const given = [urlOf('HTTP_PROXY', environment), urlOf('HTTPS_PROXY', environment)] as const;
  const [httpProxy = '', httpsProxy = ''] = given.map(({ url }) => url?.href ?? '');
  return {
    proxy: { httpProxy, httpsProxy, noProxy: textOf('NO_PROXY', environment).trim() },
    problems: given.flatMap(({ problem }) => problem ?? []),
    secrets: given.flatMap(({ url }) => (url === null ? [] : secretsIn(url))),
  };
}

/** Small letters come first, as for curl and undici. */
const textOf = (name: string, environment: Environment): string =>
  environment[name.toLowerCase()] || environment[name] || '';

interface Given {
  readonly url: URL | null;
  readonly problem: Problem | null;
}

/** A name without a scheme is http, as for curl. */
function urlOf(name: string, environment: Environment): Given {
  const text = textOf(name, environment).trim();
  if (text === '') return { url: null, problem: null };
  const url = text.includes('://') ? text : `http://${text}`;
  if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return { url: new URL(url), problem: null };
  const problem = 'must be an http or https URL';
  return { url: null, problem: { variable: name, problem, example: 'http://proxy.example.com:3128' } };
}

function secretsIn({ password }: URL): readonly string[] {
  if (password === '') return [];
  return [...new Set([password, decoded(password)])];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
