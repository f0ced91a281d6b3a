import type { TokenVerifier } from '../../src/formats/scim/token-verifier.ts';

/** Text in the shape of a signed token. */
export const aToken = (name: string): string => `eyJhbGciOiJSUzI1NiJ9.${name}.c2ln`;

/** Takes a while, and then believes each: the token of a name adds the member of this name to group `g`. */
export class SlowVerifier implements TokenVerifier {
  readonly hasKeys = true;
  readonly asked: string[] = [];
  beforeVerdict = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  async verify(token: string): ReturnType<TokenVerifier['verify']> {
    const name = token.split('.')[1] ?? '';
    this.asked.push(name);
    await this.beforeVerdict();
    const Operations = [{ op: 'add', path: 'members', value: [{ value: name }] }];
    const events = { 'urn:ietf:params:scim:event:prov:patch:full': { data: { Operations } } };
    return {
      kind: 'verified',
      claims: { jti: name, iat: 1, sub_id: { format: 'scim', uri: '/Groups/g' }, events },
    };
  }
}
