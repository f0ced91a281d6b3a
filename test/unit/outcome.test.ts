import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { HttpAnswer, ResponseAnswer } from '../../src/core/target/refusals.ts';
import { classify, isSureAnswer } from '../../src/core/target/outcome.ts';

const anAnswer = (status: number, parts: Partial<ResponseAnswer> = {}): ResponseAnswer => ({
  kind: 'response',
  status,
  etag: null,
  retryAfterMs: null,
  body: undefined,
  empty: parts.body === undefined,
  correlationId: null,
  sentAt: 0,
  durationMs: 1,
  ...parts,
});

const html = { body: undefined, empty: false } as const;
const scim = (scimType: string | undefined, detail = 'No.') => ({
  body: { schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'], status: '400', scimType, detail },
});
const platform = (code: string, message: string) => ({ body: { message, code, status: 400, errors: [], details: [] } });
const aGroup = { id: 'g', meta: { version: '8' }, members: [{ value: 'u1' }, { value: 7 }, null, { value: 'u2' }] };
const membersOf = (...members: string[]) => ({
  members: new Set(members),
  spellings: new Map(),
  nested: new Set(),
  isDoubtful: false,
});
const noToken = (refused: boolean, status: number | null): HttpAnswer => ({
  kind: 'no_token',
  loginUrl: 'https://login.example.com',
  refused,
  status,
  retryAfterMs: 5,
  code: 'invalid_client',
  message: 'secret=hunter2',
});
const noResponse = (sent: boolean, code: string): HttpAnswer => ({
  kind: 'no_response',
  sent,
  code,
  message: 'gone',
  sentAt: 0,
  durationMs: 1,
});

const failureOf = (answer: HttpAnswer) => {
  const outcome = classify(answer, 'PATCH');
  if (!('failure' in outcome)) throw new Error(`no failure: ${outcome.kind}`);
  return outcome.failure;
};

describe('a success', () => {
  test('carries version and members of the body; references without a text make it doubtful', () => {
    const seen = { ...membersOf('u1', 'u2'), isDoubtful: true };
    expect(classify(anAnswer(200, { body: aGroup }), 'PATCH')).toEqual({
      kind: 'applied',
      seen,
      snapshot: { ...seen, version: '"8"', tags: { etag: null, meta: '8' } },
      version: { version: '"8"', tags: { etag: null, meta: '8' } },
      status: 200,
    });
  });

  test.each([[undefined], [null], [[]]])('members %j: a group without members', (members) => {
    const outcome = classify(anAnswer(200, { body: { ...aGroup, members } }), 'GET');
    expect(outcome).toMatchObject({ kind: 'applied', snapshot: { members: new Set() } });
  });

  test.each([
    ['"42"', 1, '"42"'],
    ['W/"42"', 1, '"42"'],
    ['42', 1, '"42"'],
    [null, '42', '"42"'],
    [null, 42, '"42"'],
    ['', '"42"', '"42"'],
    ['bad\nheader', 42, '"42"'],
  ])('ETag %j beside meta.version %j is sent as %j', (etag, version, expected) => {
    const outcome = classify(anAnswer(200, { etag, body: { ...aGroup, meta: { version } } }), 'GET');
    expect(outcome).toMatchObject({ kind: 'applied', version: { version: expected }, snapshot: { version: expected } });
  });

  test.each([200, 204])('%i without a body is applied, with the ETag of the header', (status) => {
    const answer = anAnswer(status, { etag: '9' });
    const version = { version: '"9"', tags: { etag: '9', meta: null } };
    expect(classify(answer, 'PATCH')).toEqual({ kind: 'applied', seen: null, snapshot: null, version, status });
    expect(isSureAnswer(answer)).toBe(true);
  });

  test('304 is unchanged where the read was conditional, and else no answer', () => {
    expect(classify(anAnswer(304), 'CONDITIONAL_GET')).toEqual({ kind: 'unchanged' });
    expect(classify(anAnswer(304), 'GET')).toMatchObject({ kind: 'transient', failure: { code: 'http_304' } });
    expect(classify(anAnswer(304), 'PATCH').kind).toBe('transient');
  });

  test.each([
    ['HTML', html],
    ['a text', { body: 'ok' }],
    ['null', { body: null }],
    ['an error', platform('x', 'y')],
    ['no id', { body: { meta: { version: '1' } } }],
    ['members of a wrong type', { body: { ...aGroup, members: 'u1' } }],
  ])('200 with %s is unreadable and not sure', (_, parts) => {
    const answer = anAnswer(200, parts);
    for (const method of ['GET', 'PATCH'] as const) {
      expect(classify(answer, method)).toMatchObject({ kind: 'transient', failure: { code: 'unreadable_answer' } });
    }
    expect(isSureAnswer(answer)).toBe(false);
  });

  test('a group without a version: of a PATCH its members count, and a read has nothing to fence the next PATCH with', () => {
    const answer = anAnswer(200, { body: { id: 'g', members: [{ value: 'u1' }] } });
    expect(classify(answer, 'PATCH')).toEqual({
      kind: 'applied',
      seen: membersOf('u1'),
      snapshot: null,
      version: null,
      status: 200,
    });
    expect(isSureAnswer(answer)).toBe(true);
    expect(classify(answer, 'GET')).toMatchObject({ kind: 'transient', failure: { code: 'unreadable_answer' } });
  });

  test('a GET without a body is unreadable; 202 promises nothing', () => {
    expect(classify(anAnswer(200), 'GET').kind).toBe('transient');
    expect(classify(anAnswer(202), 'PATCH').kind).toBe('transient');
    expect(isSureAnswer(anAnswer(202))).toBe(false);
  });
});

describe('a refusal of a PATCH', () => {
  test.each([
    ['conflict', 412, {}],
    ['conflict', 409, {}],
    ['conflict', 409, scim(undefined, 'Version does not match current version.')],
    ['conflict', 409, html],
    ['conflict', 400, scim('invalidVers')],
    ['conflict', 400, platform('bad.request', 'Version 4 does not match the current version 5')],
    ['conflict', 400, { body: { errors: [{ message: 'It does not match the current version' }] } }],
    ['no_target', 400, scim('noTarget')],
    ['rejected', 409, scim('uniqueness')],
    ['unauthorized', 401, platform('bad.credentials', 'Invalid login credentials.')],
    ['denied', 403, platform('missing.permissions', 'directory:group:edit')],
    ['not_found', 404, platform('not.found', 'no')],
    ['not_found', 404, html],
    ['throttled', 429, { retryAfterMs: 3000 }],
    ['transient', 408, {}],
    ['transient', 500, html],
    ['transient', 503, { retryAfterMs: 3000 }],
    ['too_large', 413, {}],
    ['too_large', 400, scim('tooMany')],
    ['rejected_member', 400, scim('invalidValue')],
    ['rejected_member', 400, platform('bad.request', 'User "x" was not found.')],
    ['rejected_member', 400, platform('bad.request', 'Unknown member x')],
    ['rejected_member', 400, platform('bad.request', 'A member value is not the id of a user.')],
    ['rejected_member', 422, {}],
    ['rejected', 400, {}],
    ['transient', 400, html],
    ['transient', 422, html],
    ['too_large', 413, html],
    ['rejected', 400, { empty: false, isText: true }],
    ['rejected', 400, platform('bad.request', 'The request body is malformed.')],
    ['rejected', 415, {}],
    ['transient', 302, html],
    ['transient', 100, {}],
  ])('is %s for %i %j', (kind, status, parts) => {
    expect(classify(anAnswer(status, parts), 'PATCH').kind).toBe(kind);
  });

  test('only a PATCH has members to be refused, or halves', () => {
    for (const answer of [anAnswer(400, scim('invalidValue')), anAnswer(422), anAnswer(413)]) {
      expect(classify(answer, 'GET').kind).toBe('rejected');
    }
  });

  test('tells the code of either shape, else a stable one, and how long to wait', () => {
    expect(failureOf(anAnswer(403, platform('missing.permissions', 'You lack x'))).code).toBe('missing.permissions');
    expect(failureOf(anAnswer(400, scim('invalidVers', 'Stale'))).message).toBe('Stale');
    expect(failureOf(anAnswer(503)).code).toBe('http_503');
    expect(failureOf(anAnswer(400, { body: { detail: 'The user x does not exist', status: '400' } })).code).toBe(
      'unknown_member',
    );
    expect(failureOf(anAnswer(403, { body: { code: 'no code\nat all' } })).code).toBe('denied');
    expect(classify(anAnswer(429, { retryAfterMs: 3000 }), 'PATCH')).toMatchObject({ retryAfterMs: 3000 });
  });

  test.each([
    [412, {}, undefined],
    [412, platform('precondition.failed', 'no'), 'precondition.failed'],
    [409, scim(undefined, 'Version does not match current version.'), undefined],
    [409, platform('general.conflict', 'no'), 'general.conflict'],
    [409, scim('mutability'), 'mutability'],
    [400, scim('invalidVers'), 'invalidVers'],
    [400, platform('bad.request', 'Version 4 does not match the current version 5'), 'bad.request'],
  ])(
    'a conflict has one code in every form (%i %j), and the code of the target beside it',
    (status, parts, targetCode) => {
      expect(failureOf(anAnswer(status, parts))).toMatchObject({ code: 'conflict', status });
      expect(failureOf(anAnswer(status, parts)).targetCode).toBe(targetCode);
    },
  );

  test('a code of the target that is the code already does not stand there twice', () => {
    expect(failureOf(anAnswer(403, platform('missing.permissions', 'no')))).not.toHaveProperty('targetCode');
    expect(failureOf(anAnswer(503))).not.toHaveProperty('targetCode');
  });

  test('names the remedy', () => {
    expect(failureOf(anAnswer(403)).advice).toContain('directory:group:edit');
    expect(failureOf(anAnswer(404)).advice).toContain('SCIM cannot create groups');
    expect(failureOf(anAnswer(400, scim('invalidValue'))).advice).toContain('Provision the user');
  });
});

describe('no response', () => {
  test.each([
    ['timeout', 'timeout'],
    ['UND_ERR_BODY_TIMEOUT', 'timeout'],
    ['ETIMEDOUT', 'timeout'],
    ['ECONNREFUSED', 'connection'],
  ])('%s is transient with the code %s', (code, stable) => {
    expect(classify(noResponse(true, code), 'PATCH')).toMatchObject({ kind: 'transient', failure: { code: stable } });
  });

  test('a refused client is unauthorized, whatever else keeps a token away passes', () => {
    expect(classify(noToken(true, 400), 'GET')).toMatchObject({
      kind: 'unauthorized',
      failure: { code: 'invalid_client', advice: expect.stringContaining('GENESYS_CLIENT_SECRET') },
    });
    expect(classify(noToken(false, 429), 'GET')).toMatchObject({ kind: 'throttled', retryAfterMs: 5 });
    expect(classify(noToken(false, null), 'GET').kind).toBe('transient');
  });

  test('what the login host wrote is never repeated', () => {
    for (const refused of [true, false])
      expect(JSON.stringify(classify(noToken(refused, 400), 'GET'))).not.toContain('hunter2');
  });

  test('a request that was forbidden is not started', () => {
    expect(classify({ kind: 'not_started' }, 'PATCH')).toEqual({ kind: 'not_started' });
  });
});

describe('a sure answer', () => {
  test.each([
    [true, 'a group', anAnswer(200, { body: aGroup })],
    [true, 'a refusal', anAnswer(400, scim('invalidValue'))],
    [true, 'an empty refusal', anAnswer(412)],
    [false, 'an unreadable refusal', anAnswer(400, html)],
    [false, '408', anAnswer(408)],
    [false, '500', anAnswer(500, platform('internal', 'x'))],
    [false, 'a lost answer', noResponse(true, 'UND_ERR_SOCKET')],
    [true, 'a refused connection', noResponse(false, 'ECONNREFUSED')],
    [true, 'no token', noToken(true, 400)],
    [true, 'not started', { kind: 'not_started' }],
  ] as const)('%s: %s', (sure, _, answer) => {
    expect(isSureAnswer(answer)).toBe(sure);
  });
});

test('any answer has an outcome, with a bounded message and a code fit for a label', () => {
  const json = fc.oneof(
    fc.anything(),
    fc.record(
      {
        id: fc.anything(),
        meta: fc.anything(),
        members: fc.anything(),
        code: fc.anything(),
        scimType: fc.anything(),
        detail: fc.oneof(fc.anything(), fc.string({ maxLength: 5000, unit: 'binary' })),
        errors: fc.oneof(fc.anything(), fc.array(fc.anything())),
      },
      { requiredKeys: [] },
    ),
  );
  fc.assert(
    fc.property(
      fc.integer({ min: 100, max: 699 }),
      json,
      fc.boolean(),
      fc.option(fc.string()),
      (status, body, empty, etag) => {
        const answer = anAnswer(status, { body, empty, etag });
        for (const method of ['GET', 'PATCH'] as const) {
          const outcome = classify(answer, method);
          if (!('failure' in outcome)) continue;
          expect(Buffer.byteLength(outcome.failure.message)).toBeLessThanOrEqual(1024);
          expect(outcome.failure.code).toMatch(/^[\w.:-]{1,100}$/);
        }
        isSureAnswer(answer);
      },
    ),
    { numRuns: 1000 },
  );
});
