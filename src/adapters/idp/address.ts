/** Addresses from answers and from topics: nothing is sent to one that leaves the configured base address. Pure. */

/** The path of the base address, without a slash at the end. */
export const prefixOf = (baseUrl: string): string => new URL(baseUrl).pathname.replace(/\/+$/, '');

/**
 * The address of a link, its `..` resolved; null: it is elsewhere (another scheme, host or port, a user, a path that is not
 * below the base path), or some server might take it for elsewhere (backslashes, spaces, encoded dots).
 */
export function addressBelow(baseUrl: string, link: string): URL | null {
  if (/\\|\s|\p{Cc}/u.test(link) || !URL.canParse(link, baseUrl)) return null;
  const [base, url] = [new URL(baseUrl), new URL(link, baseUrl)];
  if (url.origin !== base.origin || url.username !== '' || url.password !== '') return null;
  if (!url.pathname.startsWith(`${prefixOf(baseUrl)}/`) || hasDotSegments(url.pathname)) return null;
  url.hash = '';
  return url;
}

/** `.` or `..` between slashes, encoded ones included: a server behind a proxy may decode them once more. */
export function hasDotSegments(path: string): boolean {
  const [pathname = ''] = path.split('?', 1);
  const decoded = pathname.replaceAll(/%(2e|2f|5c)/gi, (code) => decodeURIComponent(code));
  return decoded.split(/[/\\]/).some((segment) => segment === '.' || segment === '..');
}
