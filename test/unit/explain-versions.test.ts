/** Which version a group has had since Rollcall's last request, and which of its requests may have moved it. */
import { describe, expect, test } from 'vitest';
import { GroupVersions, versionSaid } from '../../src/core/explain/versions.ts';
import { explain } from '../../src/core/explain/sentence.ts';
import type { Link } from '../../src/core/explain/verdict.ts';
import type { ReportRecord } from '../../src/core/report/report.ts';
import { aReport, aRequest } from '../support/a-report.ts';

type Request = Parameters<typeof aRequest>[1];

/** Reported in this minute. */
const at = (minute: number, patchId: string | null, request: Request): ReportRecord =>
  aReport(1n, 'u', { request: aRequest(patchId, request), reported_at: `2026-09-21T00:0${minute}:00.000Z` });

function versionsIn(...reports: readonly ReportRecord[]): GroupVersions {
  const versions = new GroupVersions();
  for (const report of reports) {
    const said = versionSaid(report);
    if (said !== null) versions.take(said);
  }
  return versions;
}

const lost = (minute: number, etagBefore: string | null): ReportRecord =>
  at(minute, 'lost', { etag_before: etagBefore, status: null });
const known = (minute: number, etagAfter: string): ReportRecord => at(minute, null, { etag_after: etagAfter });

describe('a request after which no report names a newer version', () => {
  test.each<[string, string | null, readonly ReportRecord[]]>([
    ['after the last version', 'lost', [known(1, '"3"'), lost(2, '"3"')]],
    ['in any order of the reports', 'lost', [lost(2, '"3"'), known(1, '"3"')]],
    ['where a later read still shows its version', 'lost', [lost(1, '"3"'), known(2, '"3"')]],
    ['not where a newer version is known', null, [lost(1, '"3"'), known(2, '"4"')]],
    ['not where a newer version was known before', null, [known(1, '"4"'), lost(2, '"3"')]],
    ['where it has seen a newer one than is known', 'lost', [lost(1, '"5"'), known(2, '"4"')]],
    ['without If-Match by its time', 'lost', [known(1, '"3"'), lost(2, null)]],
    ['without If-Match not before the last version', null, [lost(1, null), known(2, '"3"')]],
    ['by hashes not before the last version', null, [lost(1, '"a"'), known(2, '"b"')]],
    ['by hashes where a later read still shows its version', 'lost', [lost(1, '"a"'), known(2, '"a"')]],
  ])('%s: %j', (_, patchId, reports) => {
    expect(versionsIn(...reports).openRequest).toBe(patchId);
  });

  test.each([
    [null, true],
    [408, true],
    [500, true],
    [504, true],
    [202, true],
    [400, false],
    [404, false],
    [412, false],
    [429, false],
  ])('status %j: %j', (status, isOpen) => {
    const said = versionSaid(at(1, 'p', { status }));
    expect(said?.kind ?? null).toBe(isOpen ? 'open' : null);
  });

  test('is none of a shadow, and no GET', () => {
    expect(versionSaid({ ...at(1, 'p', { status: null }), shadow: true })).toBeNull();
    expect(versionSaid(at(1, null, { status: null }))).toBeNull();
  });

  test('may have undone what was done', () => {
    const link: Link = {
      position: { topic: 's', partition: 0, offset: 1n, index: null },
      op: 'add',
      isState: false,
      changesOthers: false,
      eventId: null,
      timestamp: 1,
      actor: null,
      isRetained: true,
      reading: 'committed',
      reports: [aReport(1n, 'u')],
      waiting: null,
      inMemory: null,
    };
    const sentenceWith = (openRequest: string | null): string =>
      explain({
        links: [link],
        atTarget: { kind: 'read', isMember: false, version: '"4"' },
        lastVersion: '"3"',
        openRequest,
        isMemoryKnown: true,
        obstacle: null,
        pause: null,
        intakeObstacle: null,
        goneSource: new Map(),
        areReportsGone: false,
        invalid: [],
      }).sentence;
    expect(sentenceWith(null)).toBe('Not a member: added at s/0/1, and others have changed it since.');
    expect(sentenceWith('p-1\n')).toBe(
      "Not a member: added at s/0/1, and others have changed it since, or Rollcall's request p-1\\u{a} has, after which no report names a newer version.",
    );
  });
});
