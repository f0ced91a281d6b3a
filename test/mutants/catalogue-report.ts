/** Mutants of `rollcall report`. */
import type { Mutant } from './mutant.ts';

const breakdown = ['test/unit/breakdown.test.ts'];
const rows = ['test/contract/report-rows.test.ts'];
const page = ['test/unit/report-page.test.ts'];

export const reportMutants: readonly Mutant[] = [
  {
    name: 'as-of-now',
    breaks: 'a report as of a time shows what came of the changes later',
    edits: [{ find: 'if (!isInTime(selection, found.record)) continue;', replace: '' }],
    tests: rows,
  },
  {
    name: 'until-without-margin',
    breaks: 'a report as of a time misses what was written with a clock that is minutes ahead',
    edits: [{ find: '{ until: until + CLOCK_MARGIN_MS }', replace: '{ until }' }],
    tests: rows,
  },
  {
    name: 'retries-cost-nothing',
    breaks: 'of a change that was tried several times one request is counted',
    edits: [{ find: 'this.#withPatch(record, known?.patches ?? NONE)', replace: 'this.#withPatch(record, NONE)' }],
    tests: breakdown,
  },
  {
    name: 'last-read-counts',
    breaks: 'of several records of a change the one that is read last counts',
    edits: [
      {
        find: 'const counts = known === undefined || compareStanding(record, known) >= 0;',
        replace: 'const counts = known === undefined || known !== null;',
      },
    ],
    tests: breakdown,
  },
  {
    name: 'page-lets-markup-through',
    breaks: 'an id or a message is markup of the page',
    edits: [{ find: 'replaceAll(/[&<>"\']/g', replace: 'replaceAll(/[&>"\']/g' }],
    tests: page,
  },
  {
    name: 'page-lists-what-was-done',
    breaks: 'the page lists a change as failed that was done later',
    edits: [{ find: 'this.#changes.delete(id);', replace: '' }],
    tests: page,
  },
  {
    name: 'half-a-page-stays',
    breaks: 'what is written of a new file stays beside it where the work fails',
    edits: [{ find: "remove();\n    process.off('exit', remove);", replace: "process.off('exit', remove);" }],
    tests: ['test/unit/new-file.test.ts'],
  },
  {
    name: 'page-lists-what-was-not-asked',
    breaks: 'the table of the page has changes that `--outcome` or `--since` leave out',
    edits: [{ find: 'new OpenChanges(isSelected)', replace: 'new OpenChanges(() => true)' }],
    tests: rows,
  },
  {
    name: 'page-of-all-groups',
    breaks: 'the page lists each of 150,000 groups, or reasons',
    edits: [{ find: 'all.slice(0, ROWS_MAX)', replace: 'all.slice(0)' }],
    tests: page,
  },
  {
    name: 'target-of-latest-record',
    breaks: 'a group loses its id of Genesys Cloud with a later record that holds none',
    edits: [{ find: 'Number(left.target !== null) - Number(right.target !== null) ||', replace: '' }],
    tests: breakdown,
  },
  {
    name: 'patch-of-the-last-report',
    breaks: 'by an index a PATCH counts in the hour of its last report, and in memory in that of its first',
    edits: [
      {
        find: "'INSERT INTO temp.patches (id, time) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET time = min(time, excluded.time) RETURNING number'",
        replace:
          "'INSERT INTO temp.patches (id, time) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET time = max(time, excluded.time) RETURNING number'",
      },
    ],
    tests: breakdown,
  },
  {
    name: 'half-a-page-left',
    breaks: 'a process that exits leaves what it has written of a new file',
    edits: [{ find: "  process.on('exit', remove);\n", replace: '' }],
    tests: ['test/unit/new-file.test.ts'],
  },
  {
    name: 'half-a-page-named',
    breaks: 'a new file has its name before all of it is written',
    edits: [
      { find: 'const unfinished = `${path}.${systemRandom.uuid()}.unfinished`;', replace: 'const unfinished = path;' },
    ],
    tests: ['test/unit/new-file.test.ts'],
  },
  {
    name: 'csv-approval-for-refusal',
    breaks: 'the row of a removal that was approved and then refused names who has approved it',
    edits: [{ find: 'refusal ?? approval ?? null', replace: 'approval ?? refusal ?? null' }],
    tests: ['test/unit/report-csv.test.ts'],
  },
  {
    name: 'held-record-gone-unsaid',
    breaks: 'an event whose record is gone is shown as one that names no actor',
    edits: [{ find: 'missing.add(event);', replace: 'missing.delete(event);' }],
    tests: ['test/contract/held-events.test.ts'],
  },
  {
    name: 'held-cause-unchecked',
    breaks: 'a misspelt cause is taken for one of which nothing is held',
    edits: [{ find: 'for (const cause of selection.causes) checkCause(cause, sets);', replace: '' }],
    tests: ['test/contract/rules/held-decisions.test.ts'],
  },
  {
    name: 'native-actor-dropped',
    breaks: 'an actor of a native record that is a text is not shown',
    edits: [{ find: '(namesGroup(fields) ? textIn(actor) : null) ??', replace: '' }],
    tests: ['test/unit/actor.test.ts'],
  },
  {
    name: 'older-gone-unsaid',
    breaks: 'a report does not say that older ones of its time are gone',
    edits: [{ find: 'time !== null && since !== null && time <= since', replace: 'time !== null' }],
    tests: rows,
  },
  {
    name: 'held-counts-again',
    breaks: 'what is held counts in the hour in which it was last reported again',
    edits: [{ find: '  since ?? at;', replace: '  (since, at);' }],
    tests: breakdown,
  },
  {
    name: 'odd-time-in-charts',
    breaks: 'one report of the year 9999 empties the charts of the page',
    edits: [{ find: 'beginOf(row) <= madeAt + AHEAD_MAX_MS', replace: 'madeAt >= 0' }],
    tests: page,
  },
  {
    name: 'dates-move',
    breaks: 'the 30th of February is taken for a day of March',
    edits: [{ find: 'date.getUTCMonth() === month - 1 && date.getUTCDate() === day', replace: 'day <= 31' }],
    tests: ['test/unit/instant.test.ts'],
  },
  {
    name: 'full-disk-is-usage',
    breaks: 'a full disk is an error of the command line',
    edits: [
      { find: 'const isOfTheDisk = cause instanceof Error', replace: 'const isOfTheDisk = cause instanceof ExitError' },
    ],
    tests: ['test/unit/new-file.test.ts'],
  },
  {
    name: 'cut-report-stays',
    breaks: 'a report of `apply` that a full disk has cut stays',
    edits: [{ find: 'await discard(file, path).catch(() => undefined);', replace: '' }],
    tests: ['test/unit/new-file.test.ts'],
  },
  {
    name: 'no-file-is-removed',
    breaks: 'a device or a pipe that cannot be written to is removed',
    edits: [{ find: 'if ((await lstat(path)).isFile()) removeIfPossible(path);', replace: 'removeIfPossible(path);' }],
    tests: ['test/unit/private-file.test.ts'],
  },
  {
    name: 'done-unsaid-without-file',
    breaks: 'where the report of `apply` cannot be written, what was done is not printed',
    edits: [
      {
        find: 'await (flags.json === true\n    ? printPieces(context.stdout, summaryJson(summary, 0))',
        replace:
          'if (unwritten !== null) throw unwritten;\n  await (flags.json === true\n    ? printPieces(context.stdout, summaryJson(summary, 0))',
      },
    ],
    tests: ['test/contract/apply.test.ts'],
  },
  {
    name: 'cut-behind-link',
    breaks: 'a report of `apply` that a full disk has cut stays behind a link to it',
    edits: [{ find: 'await file.truncate(0).catch(() => undefined);', replace: '' }],
    tests: ['test/unit/private-file.test.ts'],
  },
  {
    name: 'check-ends-pipe',
    breaks: 'the reader of a pipe that `apply` reports to sees its end before anything is written',
    edits: [{ find: 'if (known !== null && !known.isFile() && !known.isDirectory()) return;', replace: '' }],
    tests: ['test/unit/new-file.test.ts'],
  },
  {
    name: 'report-file-unchecked',
    breaks: '`apply` sends its requests before it finds that its report cannot be written',
    edits: [{ find: 'if (flags.report !== undefined) await checkSummaryFile(flags.report);', replace: '' }],
    tests: ['test/contract/apply.test.ts'],
  },
  {
    name: 'file-hides-target',
    breaks: 'where the report of `apply` cannot be written, it does not say that the target could not be used',
    edits: [
      {
        find: "  if (end.kind === 'unavailable') {\n    const problems",
        replace: "  if (unwritten !== null) throw unwritten;\n  if (end.kind === 'unavailable') {\n    const problems",
      },
    ],
    tests: ['test/contract/apply.test.ts'],
  },
  {
    name: 'older-held-unsaid',
    breaks: 'a report since some time does not say that removals are held from before it on',
    edits: [{ find: 'this.#noteHeld(found.record);', replace: '' }],
    tests: rows,
  },
  {
    name: 'until-by-repeat',
    breaks: 'a report as of a time leaves out what was held by then, and was reported again later',
    edits: [{ find: 'Date.parse(standsSince(record)) < until', replace: 'Date.parse(record.reported_at) < until' }],
    tests: rows,
  },
  {
    name: 'open-since-repeat',
    breaks: 'the page lists what is held at the time at which it was last reported again',
    edits: [{ find: 'since: standsSince(record)', replace: 'since: record.reported_at' }],
    tests: ['test/unit/open-changes.test.ts'],
  },
];
