/** Mutants of notifications (protocol.md 11.4). */
import type { Mutant } from './mutant.ts';

const tests = ['test/contract/rules/notices.test.ts'];
const receiver = ['test/contract/webhook-notifier.test.ts'];
const address = ['test/unit/notify-config.test.ts'];

export const noticeMutants: readonly Mutant[] = [
  {
    name: 'notice-marked-first',
    breaks: 'what is held is marked as notified before its message is delivered',
    edits: [
      {
        find: 'if (notice !== null) notices.begin(notice);',
        replace: 'if (notice !== null) { notices.begin(notice); markNotified(this.#owners, notice.about); }',
      },
    ],
    scenario: 'unreported',
  },
  {
    name: 'notice-not-marked',
    breaks: 'what was delivered is not marked in the live record, so that each owner sends it',
    edits: [{ find: '    markNotified(this.#owners, notice.about);\n', replace: '' }],
    tests,
  },
  {
    name: 'notice-on-and-on',
    breaks: 'one owner sends the same set again and again',
    edits: [
      {
        find: '    markNotified(this.#owners, notice.about);\n',
        replace: '    for (const { group } of notice.about) noteHeldNews(this.#owners, group);\n',
      },
    ],
    scenario: 'unreported',
  },
  {
    name: 'notice-mark-not-written',
    breaks: 'the mark stays in memory, so that the next owner sends the message again',
    edits: [{ find: '...(guard.isNotified === true && { notified: true as const }),', replace: '' }],
    tests,
  },
  {
    name: 'notice-not-restored',
    breaks: 'an owner does not send what its former one has held',
    edits: [
      {
        find: '    reportHeld(owners, group);\n    noteHeldNews(owners, group);',
        replace: '    reportHeld(owners, group);',
      },
    ],
    scenario: 'unreported',
  },
  {
    name: 'notice-before-record',
    breaks: 'what is held is sent before its live record is acknowledged',
    edits: [
      {
        find: "  owners.logger.warn({ group: group.id, removals: held.length, by, digest }, 'removals are held');",
        replace:
          "  owners.logger.warn({ group: group.id, removals: held.length, by, digest }, 'removals are held');\n  if (owners.notifier !== undefined) owners.notices.noteHeld(group, 0);\n  owners.notify();",
      },
      {
        find: 'if (pending === null || recorded === null || !isHeld(pending) || !isHeld(recorded)) return null;',
        replace:
          'if (pending !== null && isHeld(pending)) return pending;\n  if (pending === null || recorded === null || !isHeld(pending)) return null;',
      },
    ],
    tests,
  },
  {
    name: 'notice-new-id',
    breaks: 'a message that was not delivered is sent again under another id',
    edits: [
      {
        find: 'await notifier.notify({ id: notice.id, body: notice.body });',
        replace:
          'await notifier.notify(((id) => ({ id, body: notice.body.replace(notice.id, id) }))(this.#owners.random.uuid()));',
      },
    ],
    tests,
  },
  {
    name: 'notice-given-up',
    breaks: 'a message that was refused is not sent again',
    edits: [
      {
        find: "if (outcome.kind === 'refused') this.#replace(notice);",
        replace: "if (outcome.kind === 'refused') notices.drop(kind);",
      },
    ],
    scenario: 'unreported',
  },
  {
    name: 'notice-of-a-replay',
    breaks: 'what was refused, and is held again after a replay, keeps its mark, so that no message says so',
    edits: [
      {
        find: 'return { ...again, dead: null, guard: unnotified(guard) };',
        replace: 'return { ...again, dead: null, guard };',
      },
    ],
    tests,
  },
  {
    name: 'notice-of-the-decided',
    breaks: 'a message is sent again although all that it is about is decided',
    edits: [
      {
        find: "if (sent !== null && kind === 'held' && !sent.about.some((news) => this.#isOpen(news))) {",
        replace: 'if (sent !== null && notices.waiting === 0) {',
      },
    ],
    tests,
  },
  {
    name: 'notice-one-by-one',
    breaks: 'each group that is held is a message of its own',
    edits: [
      {
        find: 'Math.min(newestAt + QUIET_MS, since + GATHERED_MS_MAX, laterAt)',
        replace: 'Math.min(newestAt, since, laterAt)',
      },
    ],
    tests,
  },
  {
    name: 'notice-without-longer-pauses',
    breaks: 'a message that was not delivered is sent again each second',
    edits: [
      {
        find: 'const growingMs = doubledMs(WAIT_MIN_MS, failuresInRow - 1, NOTICE_GROWS_TO_MS);',
        replace: 'const growingMs = WAIT_MIN_MS + 0 * (failuresInRow + NOTICE_GROWS_TO_MS);',
      },
    ],
    tests,
  },
  {
    name: 'notice-after-the-end',
    breaks: 'what is held is sent after the service has ended',
    edits: [{ find: 'this.#isStopped = true;\n    this.#cancel();', replace: 'this.#isDraining = false;' }],
    tests,
  },
  {
    name: 'notice-not-drained',
    breaks: 'an orderly stop does not send what waits',
    edits: [{ find: 'if (await this.#noticeSender.drain()) await this.#settled();', replace: '' }],
    tests,
  },
  {
    name: 'notice-of-no-breaker',
    breaks: 'a breaker that opens is no news',
    edits: [{ find: 'if (this.open !== null) onOpened(this.open);', replace: '' }],
    tests,
  },
  {
    name: 'notice-mark-of-no-room',
    breaks: 'a mark that has no room in the live record counts as a change that waits for room',
    edits: [{ find: 'if (!group.omitsMarks && intents.some(isNotified)) {', replace: 'if (!isNotified) {' }],
    tests,
  },
  {
    name: 'notice-mark-after-the-dead',
    breaks: 'where a live record has no room for marks, what is dead is dropped first',
    edits: [
      {
        find: 'if (!group.omitsMarks && intents.some(isNotified)) {',
        replace: 'if (!group.omitsMarks && intents.some(isNotified) && !intents.some(({ dead }) => dead !== null)) {',
      },
    ],
    tests,
  },
  {
    name: 'notice-without-reserve',
    breaks: 'a full record without marks carries no reserve, so that an approval finds no room',
    edits: [
      {
        find: 'if (isNew === null) kept.push(intent);',
        replace: 'if (isNew === null) kept.push(group.omitsMarks ? { ...intent } : intent);',
      },
    ],
    tests,
  },
  {
    name: 'notice-each-minute',
    breaks: 'a stream of removals of one group is a stream of messages',
    edits: [
      {
        find: "newCount >= notifiedCount ? 'soon' : 'later'",
        replace: "newCount + notifiedCount > 0 ? 'soon' : 'later'",
      },
    ],
    tests,
  },
  {
    name: 'notice-refused-stops-others',
    breaks: 'while a message about the breaker is refused, none about what is held is sent',
    edits: [
      {
        find: "const kind = breakerAt <= heldAt ? 'breaker_open' : 'held';",
        replace: "const kind = breakerAt < Infinity || breakerAt <= heldAt ? 'breaker_open' : 'held';",
      },
    ],
    tests,
  },
  {
    name: 'notice-refused-again',
    breaks: 'a message that the receiver refuses is sent again as it is, so that later news wait for ever',
    edits: [{ find: "if (outcome.kind === 'refused') this.#replace(notice);", replace: '' }],
    tests,
  },
  {
    name: 'notice-open-after-close',
    breaks: 'a message that was not delivered says that the breaker is open after it has closed',
    edits: [{ find: 'return opening !== this.#opening;', replace: 'return opening === null;' }],
    tests,
  },
  {
    name: 'notice-of-lost-partitions',
    breaks: 'groups of partitions that are lost stay in memory while messages fail',
    edits: [{ find: '  notices.forget((group) => group.partition === partition);\n', replace: '' }],
    tests,
  },
  {
    name: 'notice-drained-for-long',
    breaks: 'a receiver that does not answer keeps an orderly stop from leaving the consumer group',
    edits: [{ find: 'const DRAIN_MS = 3_000;', replace: 'const DRAIN_MS = 30_000;' }],
    tests,
  },
  {
    name: 'notice-unsigned',
    breaks: 'messages are not signed',
    edits: [{ find: "return { ...unsigned, 'webhook-signature': `v1,${mac}` };", replace: 'return unsigned;' }],
    tests: receiver,
  },
  {
    name: 'notice-address-logged',
    breaks: 'the log shows the whole address',
    edits: [
      {
        find: '#noteFailure({ origin }: URL, why: string): void {',
        replace: '#noteFailure({ href: origin }: URL, why: string): void {',
      },
    ],
    tests: receiver,
  },
  {
    name: 'notice-any-answer',
    breaks: 'an answer other than 2xx counts as delivered',
    edits: [{ find: "if (answer.ok) return 'delivered';", replace: "if (answer.status > 0) return 'delivered';" }],
    tests: receiver,
  },
  {
    name: 'notice-address-not-redacted',
    breaks: 'the address is no secret for what else is logged',
    edits: [
      {
        find: 'if (value instanceof URL) return secretsOfUrl(value);',
        replace: 'if (value instanceof URL) return [];',
      },
    ],
    tests: address,
  },
  {
    name: 'notice-in-the-clear',
    breaks: 'messages may leave the machine unencrypted',
    edits: [
      {
        find: "return url ? httpsProblems('NOTIFY_URL', url, { allows, example: URL_EXAMPLE }) : [];",
        replace: 'return [];',
      },
    ],
    tests: address,
  },
];
