// How to point Rollcall at a sandbox.

/** Lines of an environment file. */
export function printEnvironment(sandbox: Readonly<{ url: string; clientId: string; clientSecret: string }>): string {
  const { url, clientId, clientSecret } = sandbox;
  const lines = [
    `GENESYS_API_URL=${url}`,
    `GENESYS_LOGIN_URL=${url}`,
    `GENESYS_CLIENT_ID=${clientId}`,
    `GENESYS_CLIENT_SECRET=${clientSecret}`,
  ];
  // Rollcall refuses plain http beyond this machine unless told otherwise.
  if (url.startsWith('http:') && !isLoopback(new URL(url).hostname)) lines.push('ALLOW_INSECURE=true');
  return `${lines.join('\n')}\n`;
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname);
}
