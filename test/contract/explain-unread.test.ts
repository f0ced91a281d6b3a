/** How `rollcall explain` ends where Genesys Cloud could not be read, where an id could not be looked up, and where there is none. */
import { describe, expect, test } from 'vitest';
import { ScimIdMap } from '../../src/adapters/ids/scim.ts';
import type { GroupAttribute } from '../../src/core/ids/look-up.ts';
import type { HttpAnswer } from '../../src/core/target/refusals.ts';
import { EXIT, type ExitCode } from '../../src/exit-codes.ts';
import { Asking, paused, produced, started } from '../support/asking.ts';
import { answer } from '../support/quick-world.ts';
import { Table } from '../support/table.ts';

const lastLine = (text: string): string => text.trimEnd().split('\n').at(-1) ?? '';

const QUESTIONS = ['all members', {}] as const;

const LATE: HttpAnswer = {
  kind: 'no_response',
  sent: true,
  code: 'timeout',
  message: 'no answer came',
  sentAt: 0,
  durationMs: 1,
};
const LOGIN_REFUSED: HttpAnswer = {
  kind: 'no_token',
  loginUrl: 'https://login.example',
  refused: true,
  status: 401,
  retryAfterMs: null,
  code: 'invalid_client',
  message: 'invalid_client',
};

/** With what a command ends where nothing else names what it is asked about. */
const REFUSALS: readonly (readonly [HttpAnswer, ExitCode])[] = [
  [answer(403), EXIT.unavailable],
  [answer(401), EXIT.configuration],
  [LOGIN_REFUSED, EXIT.configuration],
];

const found = (...resources: readonly object[]): HttpAnswer =>
  answer(200, { body: { totalResults: resources.length, Resources: resources } });

/** With `ID_MAP=scim`. */
async function lookingUp(groupAttribute: GroupAttribute): Promise<Asking> {
  const asking = new Asking(
    {},
    ({ target: api, clock, logger }) =>
      new ScimIdMap({ userAttribute: 'userName', groupAttribute }, { api, clock, logger }),
  );
  await asking.start();
  return asking;
}

describe('explain: a group that could not be read', () => {
  test.each(REFUSALS)('is not said to be missing: %j', async (refusal, code) => {
    const asking = await started();
    asking.world.target.onGet = () => refusal;
    expect(lastLine(await asking.text('all members'))).toMatch(
      /^No event and no report names the group, and it could not be read \(/,
    );
    expect(asking.exitCode).toBe(code);
    expect(await asking.sentence()).toMatch(/^Not known whether a member \(.*\): no event and no report names it\.$/);
    expect(asking.exitCode).toBe(code);
    await produced(asking, { add_members: ['u'] });
    for (const flags of QUESTIONS) {
      await asking.text(flags);
      expect(asking.exitCode).toBe(EXIT.done);
    }
  });

  test('is said to be missing where Genesys Cloud has none', async () => {
    const asking = await started();
    asking.world.target.onGet = () => answer(404);
    for (const flags of QUESTIONS) {
      await asking.text(flags);
      expect(asking.exitCode).toBe(EXIT.someFailed);
    }
  });

  test('as of a time that is over Genesys Cloud is not asked, and no answer of it is named', async () => {
    const asking = await started();
    asking.world.target.onGet = () => answer(403);
    const at = asking.world.clock.now().wall;
    expect(lastLine(await asking.text({ at, member: undefined } as never))).toMatch(
      /: No event and no report until then names the group\.$/,
    );
    expect(asking.exitCode).toBe(EXIT.someFailed);
  });
});

describe('explain: a group that could not be looked up', () => {
  test.each([[LATE, EXIT.unavailable] as const, ...REFUSALS])(
    'is not said to be missing: %j',
    async (answered, code) => {
      const asking = await lookingUp('displayName');
      asking.world.target.onSearch = () => answered;
      const text = await asking.text('all members');
      expect(text).toMatch(/^no report says what Genesys Cloud calls the group g: the look-up failed \(.*\)$/m);
      expect(text).not.toContain('the id map has');
      expect(lastLine(text)).toMatch(
        /^No event and no report names the group, and it could not be read \(the look-up failed \(.*[^.]\)\)\.$/,
      );
      expect(asking.exitCode).toBe(code);
      expect(await asking.sentence()).toMatch(/^Not known whether a member \(the look-up failed \(.*\)\): no event/);
      expect(asking.exitCode).toBe(code);
    },
  );

  test('is read by the name that its reports say, and the answer says so', async () => {
    const asking = await lookingUp('displayName');
    asking.world.target.onSearch = ({ resource }) =>
      found(resource === 'groups' ? { id: 'T-g', displayName: 'g' } : { id: 'T-u', userName: 'u', active: true });
    await produced(asking, { add_members: ['u'] });
    expect(await asking.sentence()).toMatch(/^A member: added at source\/0\/0 /);
    asking.world.target.onSearch = () => LATE;
    const text = await asking.text();
    expect(lastLine(text)).toMatch(/^A member: added at source\/0\/0 /);
    for (const name of ['the group g', 'u'])
      expect(text).toContain(
        `reports alone say what Genesys Cloud calls ${name}: the look-up failed (timeout: no answer came)\n`,
      );
    expect(text).not.toContain('neither the id map');
  });

  test('is not said to be asked for where the id map has none', async () => {
    const asking = new Asking({}, new Table());
    await asking.start();
    await paused(asking, 'g');
    expect(lastLine(await asking.text('all members'))).toMatch(
      /^No event and no report names the group, and the id map has no such group; paused by jane/,
    );
    expect(asking.exitCode).toBe(EXIT.someFailed);
  });
});

describe('explain: a member that could not be looked up', () => {
  test.each([[LATE, EXIT.unavailable] as const, ...REFUSALS])(
    'is not said to be missing: %j',
    async (answered, code) => {
      const asking = await lookingUp('id');
      asking.world.target.onSearch = () => answered;
      expect(await asking.sentence()).toMatch(
        /^Not known whether a member \(the look-up failed \(.*\)\): no event and no report names it\.$/,
      );
      expect(asking.exitCode).toBe(code);
    },
  );

  test('is said to be missing where Genesys Cloud has none, and why it has no single one', async () => {
    const asking = await lookingUp('id');
    asking.world.target.onSearch = () => found();
    expect(await asking.sentence()).toMatch(/^Not known whether a member \(the id map has no such member\)/);
    expect(asking.exitCode).toBe(EXIT.someFailed);
    asking.world.target.onSearch = () =>
      found({ id: '1', userName: 'u', active: true }, { id: '2', userName: 'u', active: true });
    expect(await asking.sentence()).toMatch(
      /^Not known whether a member \(Genesys Cloud has several users of this id\)/,
    );
    expect(asking.exitCode).toBe(EXIT.someFailed);
  });

  test('where all members are asked for none is looked up, and none is said to be missing', async () => {
    const asking = await lookingUp('id');
    asking.world.target.onSearch = () => LATE;
    await produced(asking, { add_members: ['u'] });
    const { members } = JSON.parse(await asking.text({ json: true, member: undefined } as never)) as {
      members: readonly { readonly sentence: string }[];
    };
    expect(members.map(({ sentence }) => sentence)).toEqual([
      expect.stringMatching(/^Not known whether a member \(what Genesys Cloud calls it was not looked up\): /),
    ]);
  });
});
