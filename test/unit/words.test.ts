/** Words that say less than the field's own: a reader cannot search for them, and they leave the actor out. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));

const FORBIDDEN: ReadonlySet<string> = new Set([
  'anew',
  'beaten',
  'foresight',
  'mend',
  'mended',
  'tenure',
  'untold',
  'whoever',
]);

const PLACES = ['README.md', 'ARCHITECTURE.md', 'bench', 'docs', 'scripts', 'src', 'test'];

/** How often such words still occur in a file. No number here may grow, and no file may be added. */
const REMAINING: Readonly<Record<string, number>> = {
  'ARCHITECTURE.md': 1,
  'docs/proof.md': 16,
  'src/pipeline/apply.ts': 3,
  'src/pipeline/conclude.ts': 14,
  'src/pipeline/effects.ts': 2,
  'src/pipeline/failures.ts': 2,
  'src/pipeline/full-state-removals.ts': 3,
  'src/pipeline/guard.ts': 1,
  'src/pipeline/identify.ts': 11,
  'src/pipeline/look-up.ts': 1,
  'src/pipeline/members.ts': 3,
  'src/pipeline/pipeline.ts': 4,
  'src/pipeline/record.ts': 7,
  'src/pipeline/replay.ts': 5,
  'src/pipeline/restore.ts': 7,
  'src/pipeline/schedule.ts': 2,
  'src/pipeline/state.ts': 2,
  'src/pipeline/stats.ts': 1,
  'src/pipeline/tenure.ts': 4,
  'test/chaos/changes.ts': 1,
  'test/chaos/watch.ts': 1,
  'test/contract/admin.test.ts': 1,
  'test/contract/id-map-scim.test.ts': 2,
  'test/contract/poll-okta.test.ts': 1,
  'test/contract/rekeyer.test.ts': 1,
  'test/contract/rules/at-the-target.test.ts': 1,
  'test/contract/rules/dead-keep.test.ts': 2,
  'test/contract/rules/equal-epoch.test.ts': 7,
  'test/contract/rules/forged-records.test.ts': 1,
  'test/contract/rules/guard-window.test.ts': 1,
  'test/contract/rules/guard.test.ts': 2,
  'test/contract/rules/made-anew.test.ts': 7,
  'test/contract/rules/recreated-retry.test.ts': 6,
  'test/contract/rules/refence.test.ts': 4,
  'test/contract/rules/repair.test.ts': 13,
  'test/contract/rules/replay.test.ts': 17,
  'test/contract/rules/report-epoch.test.ts': 2,
  'test/contract/rules/signed-requests.test.ts': 2,
  'test/contract/rules/takeover.test.ts': 6,
  'test/fuzz/retry-records.ts': 1,
  'test/fuzz/source-records.ts': 2,
  'test/integration/hard-cases-kill.test.ts': 1,
  'test/mutants/catalogue-guard.ts': 5,
  'test/mutants/catalogue-log.ts': 1,
  'test/mutants/catalogue-names.ts': 1,
  'test/mutants/catalogue-ownership.ts': 2,
  'test/mutants/hunt.ts': 1,
  'test/oracle/reports.ts': 2,
  'test/simulation/dramas.ts': 3,
  'test/simulation/engine/broker-link.ts': 1,
  'test/simulation/engine/target.ts': 1,
  'test/simulation/happenings.ts': 5,
  'test/simulation/history.ts': 1,
  'test/simulation/oracle/guard-oracle.ts': 1,
  'test/simulation/oracle/removal-oracle.ts': 1,
  'test/simulation/oracle/replaced.ts': 1,
  'test/simulation/plots-ownership.ts': 2,
  'test/simulation/plots-states.ts': 1,
  'test/simulation/scenarios.ts': 2,
  'test/simulation/script.ts': 2,
  'test/support/change-log/group-cases.ts': 2,
  'test/support/kafka-log-harness.ts': 1,
  'test/support/retry-records.ts': 1,
  'test/support/secret-scene.ts': 1,
  'test/support/service.ts': 1,
  'test/support/stage.ts': 1,
  'test/support/world.ts': 1,
  'test/unit/config.test.ts': 1,
  'test/unit/genesys-gate.test.ts': 1,
  'test/unit/kafka-exit.test.ts': 2,
  'test/unit/memory-broker.test.ts': 1,
  'test/unit/native-full-state.test.ts': 1,
  'test/unit/ownership.test.ts': 3,
  'test/unit/pending.test.ts': 1,
  'test/unit/precedence.test.ts': 1,
  'test/unit/report.test.ts': 1,
  'test/unit/sandbox-faults.test.ts': 1,
  'test/unit/step.test.ts': 1,
};

test('files use the words of the field', () => {
  const tooMany = PLACES.flatMap(filesIn).flatMap((path) => {
    const found = forbiddenIn(readFileSync(`${root}${path}`, 'utf8'));
    return found.length > (REMAINING[path] ?? 0) ? [`${path}: ${found.join(', ')}`] : [];
  });
  expect(tooMany).toEqual([]);
});

test('words are found in names of any case, and not within other words', () => {
  expect(forbiddenIn('made anew; isUntold, READ_ANEW, #tenure')).toEqual(['anew', 'untold', 'anew', 'tenure']);
  expect(forbiddenIn('sane waits, amendment, unbeaten')).toEqual([]);
});

function filesIn(place: string): readonly string[] {
  if (place.endsWith('.md')) return [place];
  return readdirSync(`${root}${place}`, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(?:md|ts)$/.test(name))
    .map((name) => `${place}/${name.replaceAll('\\', '/')}`)
    .filter((path) => path !== 'test/unit/words.test.ts');
}

const forbiddenIn = (text: string): readonly string[] =>
  text
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z]+/)
    .filter((word) => FORBIDDEN.has(word));
