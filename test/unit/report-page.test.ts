import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { html, Markup } from '../../src/console/page/markup.ts';
import { OPEN_CHANGES_MAX, reportPage, type ReportPage } from '../../src/console/page/report-page.ts';
import { SPANS_MAX, timelineOf } from '../../src/console/page/timeline.ts';
import { CountedOperations, HOUR_MS, STANDINGS, type Selected } from '../../src/core/report/breakdown.ts';
import { OpenChanges } from '../../src/core/report/open-changes.ts';
import type { ReportRecord } from '../../src/core/report/report.ts';
import { aReport, aRequest } from '../support/a-report.ts';

const START = Date.UTC(2026, 8, 21);
const at = (ms: number): string => new Date(START + ms).toISOString();
const everything = (): boolean => true;
const sha256 = (text: string): string => createHash('sha256').update(text).digest('base64');

interface Shown extends Partial<Pick<ReportPage, 'topic' | 'criteria' | 'warnings' | 'isShadow'>> {
  readonly records: readonly ReportRecord[];
  readonly isSelected?: Selected;
  /** Epoch ms. */
  readonly madeAt?: number;
}

function pageFacts({ records, isSelected = everything, ...shown }: Shown): ReportPage {
  const { topic = 'reports', criteria = '', warnings = [], isShadow = false, madeAt = Infinity } = shown;
  const counted = new CountedOperations(null);
  const open = new OpenChanges(isSelected);
  for (const record of records) if (counted.take({ record, key: null })) open.note(record, null);
  return {
    topic,
    criteria,
    isShadow,
    warnings,
    times: { madeAt: START, since: null, until: null },
    groups: counted.breakdown('group', isSelected),
    reasons: counted.breakdown('reason', isSelected),
    timeline: timelineOf(counted, isSelected, madeAt),
    open: open.newest(OPEN_CHANGES_MAX),
  };
}

const pageOf = (shown: Shown): string => [...reportPage(pageFacts(shown), sha256)].join('');

const aReason = (code: string): NonNullable<ReportRecord['reason']> => ({
  code,
  message: 'No such group.',
  status: 404,
  scim_type: null,
  advice: 'Create it.',
});
const failed = (offset: number, change: Partial<ReportRecord> = {}): ReportRecord =>
  aReport(BigInt(offset), 'm', {
    outcome: 'failed',
    reason: aReason('group_missing'),
    reported_at: at(0),
    ...change,
  });
const applied = (offset: number, ms: number, patch = `p${offset}`): ReportRecord =>
  aReport(BigInt(offset), 'm', {
    reported_at: at(ms),
    lag_ms: { queue: offset, apply: 5 },
    request: aRequest(patch),
  });

const records = [applied(1, 0), applied(2, HOUR_MS, 'p1'), failed(3), failed(4, { reported_at: at(3 * HOUR_MS) })];

describe('what a browser may do with the page', () => {
  const page = pageOf({ records });
  const policy = /http-equiv="Content-Security-Policy"\s+content="([^"]*)"/.exec(page)?.[1] ?? '';

  test('it loads nothing', () => {
    expect(policy).toContain("default-src 'none'");
    expect(page).not.toMatch(/\b(?:src|href|action|poster|data)=|url\(|@import|https?:|\/\/\w/i);
  });

  test.each([
    ['script', 'script-src'],
    ['style', 'style-src'],
  ])('it runs its own %s alone', (element, directive) => {
    const found = [...page.matchAll(new RegExp(`<${element}>([^]*?)</${element}>`, 'g'))];
    expect(found).toHaveLength(1);
    expect(policy).toContain(`${directive} 'sha256-${sha256(found[0]?.[1] ?? '')}'`);
    expect(page.match(new RegExp(`<${element}`, 'g'))).toHaveLength(1);
    expect(page).not.toMatch(/<[^>]* (?:on\w+|style)=/i);
  });

  test('it says the characters before all else', () => {
    expect(page.slice(0, 200)).toContain('<meta charset="utf-8"');
  });
});

describe('text from elsewhere', () => {
  /** All tags, with their attributes. */
  const tagsOf = (page: string): readonly string[] => page.match(/<[^>]*>/g) ?? [];
  const withText = (text: string): string =>
    pageOf({
      topic: text,
      criteria: text,
      warnings: [text],
      records: [
        failed(1, {
          id: `s/0/1/${text}`,
          group: text,
          source_group: text,
          member: text,
          source_member: text,
          outcome: text,
          final: false,
          op: text,
          reason: { code: text, message: text, status: null, scim_type: null, advice: text },
          next_attempt_at: at(0),
          request: aRequest(text, { correlation_id: text }),
        }),
        failed(2, { group: text, source_group: text }),
      ],
    });
  const anyText = fc
    .oneof(
      fc.string({ unit: 'binary', minLength: 1 }),
      fc.string({ unit: fc.constantFrom(...Array.from('<>&"\'/=`$-! scriptxon\u202e\u0000\u2028')), minLength: 1 }),
      fc.constantFrom('</script><script>alert(1)</script>', '"><img src=x onerror=alert(1)>', '<!--', ']]>', '$&'),
    )
    .filter((text) => text !== 'held');

  test('makes no markup, wherever it stands', () => {
    const tags = tagsOf(withText('x'));
    fc.assert(
      fc.property(anyText, (text) => {
        expect(tagsOf(withText(text))).toEqual(tags);
      }),
    );
  });

  test('shows what would change the order of characters', () => {
    expect(withText('a\u202eb')).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    expect(withText('a\u202eb')).toContain(String.raw`a\u{202e}b`);
  });

  test('is escaped in elements and attributes; markup stays', () => {
    expect(html`<p title="${'"<&>\''}">${[new Markup('<b>')]}${7}</p>`.text).toBe(
      '<p title="&#34;&#60;&#38;&#62;&#39;"><b>7</p>',
    );
  });
});

describe('its charts', () => {
  const facts = pageFacts({ records });
  const page = pageOf({ records });
  const charts = page.match(/<svg\s+role="img"[^]*?<\/svg>/g) ?? [];

  test('have a text in place of the picture', () => {
    expect(charts).toHaveLength(3);
    for (const chart of charts) expect(chart).toMatch(/aria-label="[^"]{30,}"/);
  });

  test('show the numbers of the breakdown', () => {
    const [outcomes = '', requests = '', latency = ''] = charts;
    const shown = facts.timeline.rows.flatMap((row) =>
      STANDINGS.filter((standing) => row[standing] > 0).map((standing) => [hourOf(row.name), row[standing], standing]),
    );
    expect(titlesIn(outcomes)).toEqual(shown.map(([time, count, standing]) => `${time}: ${count} ${standing}`));
    expect(titlesIn(requests)).toEqual(['2026-09-21 00:00: 0.50 requests per change']);
    expect(titlesIn(latency)).toContain('2026-09-21 01:00: 7 ms half within (p50)');
    const total = facts.timeline.rows.reduce((sum, { changes }) => sum + changes, 0);
    expect(total).toBe(facts.groups.total.changes);
  });

  test('draw them in proportion', () => {
    const heights = [
      ...(charts[0] ?? '').matchAll(/class="(\w+)" x="([\d.]+)" y="([\d.]+)" width="0.84" height="([\d.]+)"/g),
    ];
    expect(heights.map(([, colour, x, y, height]) => [colour, x, y, height])).toEqual([
      ['succeeded', '0.08', '50', '50'],
      ['failed', '0.08', '0', '50'],
      ['succeeded', '1.08', '50', '50'],
      ['failed', '3.08', '50', '50'],
    ]);
  });

  test('are followed by their numbers as a table, gaps included', () => {
    const rows = /The numbers of the charts[^]*?<\/table>/.exec(page)?.[0].match(/2026-09-21 0\d:00/g);
    expect(rows).toEqual(['2026-09-21 00:00', '2026-09-21 01:00', '2026-09-21 02:00', '2026-09-21 03:00']);
  });

  const hourOf = (name: string | null): string => (name ?? '').slice(0, 16).replace('T', ' ');
  const titlesIn = (chart: string): readonly string[] =>
    [...chart.matchAll(/<title>([^<]*)<\/title>/g)].map(([, title]) => title ?? '');
});

test('the title says the topic, the time and the counts', () => {
  const title = /<title>([^<]*)<\/title>/.exec(pageOf({ records }))?.[1];
  expect(title).toBe(
    'Rollcall report: reports, 2026-09-21 00:00 to 2026-09-21 03:00, 4 changes, 2 failed, 0 waiting, 0 held',
  );
});

test('where there is nothing it says so', () => {
  const page = pageOf({ records: [] });
  expect(page).toContain('Nothing found');
  expect(page).toContain('<title>Rollcall report: reports, the beginning to the end, 0 changes');
  expect(page).not.toContain('<svg');
});

test('where nothing failed it says so', () => {
  const page = pageOf({ records: [applied(1, 0)] });
  expect(page).toContain('No group has a change that failed.');
  expect(page).toContain('Nothing has failed, waits or is held.');
});

test('of very many that failed the newest are shown, and how many are left out', () => {
  const many = Array.from({ length: OPEN_CHANGES_MAX + 2 }, (_, i) =>
    failed(i, { reported_at: at(i), request: null, id: `s/0/${i}/m` }),
  );
  const page = pageOf({ records: many });
  expect(page).toContain('5,002 changes, the newest first; only the newest 5,000 are shown, 2 are left out');
  expect(page.match(/>s\/0\/\d+\/m</g)).toHaveLength(OPEN_CHANGES_MAX);
  expect(page).toContain(`>s/0/${OPEN_CHANGES_MAX + 1}/m<`);
  expect(page).not.toMatch(/>s\/0\/[01]\/m</);
});

test.each([
  ['groups', 'group', (i: number) => failed(i, { group: `g${i}`, source_group: `g${i}` })],
  ['reasons', 'reason', (i: number) => failed(i, { reason: aReason(`code-${i}`) })],
])('of very many %s the first are shown, and how many are left out', (_, by, recordOf) => {
  const COUNT = 150_000;
  const page = pageOf({ records: Array.from({ length: COUNT }, (__, i) => recordOf(i)) });
  expect(page).toContain(`The first 20 of 150,000 ${by}s; 149,980 are left out: rollcall report --by ${by} lists all`);
});

test('the bars of groups and of reasons are in proportion to the longest', () => {
  const few = [1, 2, 3, 4].map((i) => failed(i, { group: i === 1 ? 'a' : 'b', reason: aReason(i === 1 ? 'x' : 'y') }));
  const page = pageOf({ records: few.map((record) => ({ ...record, source_group: record.group })) });
  const widths = [...page.matchAll(/class="failed" x="0" width="([\d.]+)" height="10" \/>/g)].map(([, width]) => width);
  expect(widths).toEqual(['100', '33.33', '100', '33.33']);
});

test('what is not selected by the record that counts is not listed, in any order', () => {
  const waiting = failed(3, { id: 's/0/3/m#1', final: false, outcome: 'retry_scheduled' });
  const isSelected: Selected = ({ outcome }) => outcome === 'retry_scheduled';
  const later = failed(3, { reported_at: at(1) });
  for (const order of [
    [waiting, later],
    [later, waiting],
  ])
    expect(pageFacts({ records: order, isSelected }).open).toEqual({ count: 0, changes: [] });
  expect(pageFacts({ records: [waiting, failed(4)], isSelected }).open).toMatchObject({
    count: 1,
    changes: [{ id: 's/0/3/m' }],
  });
});

test('what failed first and was done later is not listed, in any order', () => {
  const again = aReport(3n, 'm', { outcome: 'recovered', reported_at: at(1) });
  for (const order of [
    [failed(3), again],
    [again, failed(3)],
  ])
    expect(pageFacts({ records: order }).open.count).toBe(0);
});

describe('the time it shows', () => {
  const timeline = (...times: readonly number[]) => {
    const { timeline: found } = pageFacts({ records: times.map((ms, i) => applied(i, ms)) });
    return { spanMs: found.spanMs, count: found.rows.length, leftOut: found.leftOut };
  };
  const DAY_MS = 24 * HOUR_MS;

  test('is in hours, days or more, so that there is room', () => {
    expect(timeline(0)).toEqual({ spanMs: HOUR_MS, count: 1, leftOut: 0 });
    expect(timeline(0, 99 * HOUR_MS)).toEqual({ spanMs: HOUR_MS, count: 100, leftOut: 0 });
    expect(timeline(0, 30 * DAY_MS)).toEqual({ spanMs: DAY_MS, count: 31, leftOut: 0 });
    expect(timeline(0, 400 * DAY_MS)).toMatchObject({ spanMs: 7 * DAY_MS, leftOut: 0 });
  });

  test('is cut where one clock is ages away, and the page says so', () => {
    const far = [applied(1, -START), applied(2, 0), applied(3, Date.UTC(9998, 0) - START)];
    expect(pageFacts({ records: far }).timeline.rows).toHaveLength(SPANS_MAX);
    expect(pageOf({ records: far })).toMatch(/; the 7,9\d\d before are left out/);
    expect(pageFacts({ records: far }).timeline.rows.at(-1)?.changes).toBe(1);
  });
});

describe('times that cannot be true', () => {
  const many = Array.from({ length: 200 }, (_, i) => applied(i, i * HOUR_MS * 0.1));
  const madeAt = START + 20 * HOUR_MS;

  test('leave the charts to all others, and are counted above them', () => {
    const odd = [
      applied(201, Date.UTC(9999, 11, 31) - START),
      applied(202, 30 * HOUR_MS + 24 * HOUR_MS),
      applied(203, -START),
    ];
    const shown = { records: [...many, ...odd], madeAt };
    expect(pageFacts(shown).timeline).toEqual({
      ...pageFacts({ records: many, madeAt }).timeline,
      implausibleCount: 3,
    });
    const page = pageOf(shown);
    expect(page).toContain(
      '<title>Rollcall report: reports, 2026-09-21 00:00 to 2026-09-21 19:00: 203 changes'.replace(': 203', ', 203'),
    );
    const note =
      /Not in the charts, nor in the table of their numbers, nor in the period of the heading: 3 changes reported,\s+or held since, later than a day from now, or a year before all others. All other numbers of this page\s+include/;
    expect(page.search(note)).toBeGreaterThan(0);
    expect(page.search(note)).toBeLessThan(page.indexOf('class="charts"'));
    const asked = { madeAt, since: START, until: Date.UTC(9999, 11, 31) + 1 };
    const [limited] =
      [...reportPage({ ...pageFacts(shown), times: asked }, sha256)].join('').match(/Not in the.*/) ?? [];
    expect(limited).toContain('their numbers: 3 changes');
    expect(pageOf({ records: many, madeAt })).not.toContain('Not in the charts');
    // As the note says.
    const { timeline, groups } = pageFacts(shown);
    const inTable = timeline.rows.reduce((sum, { changes }) => sum + changes, 0);
    expect(groups.total.changes - inTable).toBe(3);
  });

  test('are shown where no other is there, and so are few old ones of few', () => {
    const { timeline } = pageFacts({ records: [applied(1, 48 * HOUR_MS)], madeAt: START });
    expect(timeline).toMatchObject({ implausibleCount: 0, rows: [{ changes: 1 }] });
    const old = pageFacts({ records: [applied(1, -800 * 24 * HOUR_MS), applied(2, 0)], madeAt }).timeline;
    expect(old).toMatchObject({ implausibleCount: 0 });
  });
});

describe('scales', () => {
  const scalesOf = (page: string): string[][] =>
    [...page.matchAll(/<div class="scale" aria-hidden="true">(.*?)<\/div>/gs)].map(([, scale = '']) =>
      [...scale.matchAll(/<span>(.*?)<\/span>/g)].map(([, label = '']) => label),
    );

  test('of changes are whole numbers, and of requests per change no two are the same', () => {
    const one = Array.from({ length: 81 }, (_, i) => applied(i, 0, 'p'));
    expect(scalesOf(pageOf({ records: one })).slice(0, 2)).toEqual([
      ['82', '41', '0'],
      ['0.012', '0.006', '0'],
    ]);
    expect(pageOf({ records: one })).toContain('0.012 requests per change');
  });
});

test('top reasons are drawn in the colours of what they are of', () => {
  const waiting = (offset: number) =>
    aReport(BigInt(offset), 'm', { final: false, outcome: 'retry_scheduled', reason: aReason('busy') });
  const held = aReport(9n, 'm', { final: false, outcome: 'held', reason: aReason('busy') });
  const page = pageOf({ records: [failed(1, { reason: aReason('busy') }), waiting(2), waiting(3), held] });
  const bar = /<td class="bar">(.*?)<\/td>/s.exec(page)?.[1] ?? '';
  const parts = [...bar.matchAll(/class="(\w+)" x="([\d.]+)" width="([\d.]+)"/g)].map(([, ...part]) => part);
  expect(parts).toEqual([
    ['failed', '0', '25'],
    ['waiting', '25', '50'],
    ['held', '75', '25'],
  ]);
});

test('of a shadow it says that nothing was sent', () => {
  const records = [aReport(1n, 'm')];
  expect(pageOf({ records })).not.toContain('not sent');
  const page = pageOf({ records, isShadow: true });
  expect(page).toContain('Of a shadow: nothing of this was sent, and no group was changed.');
  expect(page).toContain('requests, not sent');
});
