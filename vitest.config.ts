import { defineConfig } from 'vitest/config';

// One project per level of test (see ARCHITECTURE.md). Kafka levels start real brokers, so their files run one at a time.
const level = (name: string, options: Record<string, unknown> = {}) => ({
  test: { name, include: [`test/${name}/**/*.test.ts`], ...options },
});

/** Lines and branches in percent, a little below what unit and contract tests reach: they run with `--coverage`. */
const floor = (lines: number, branches: number) => ({ lines, branches });

export default defineConfig({
  test: {
    coverage: {
      include: ['src/**'],
      reporter: ['json-summary'],
      thresholds: {
        'src/core/**': floor(99, 94),
        'src/pipeline/**': floor(98, 93),
        'src/formats/**': floor(99, 95),
        'src/config/**': floor(98, 95),
        'src/ingest/**': floor(97, 90),
        'src/admin/**': floor(98, 95),
        'src/http/**': floor(98, 80),
        'src/adapters/{genesys,idp,ids,memory-log}/**': floor(98, 90),
        'src/lab/sandbox/**': floor(90, 85),
        // The rest of these needs a broker, and is tested by the level `integration`, in processes of its own.
        'src/adapters/kafka/**': floor(65, 55),
        'src/console/**': floor(83, 72),
        'src/commands/**': floor(75, 68),
      },
    },
    projects: [
      // Property tests take long on a busy machine.
      level('unit', { testTimeout: 120_000, setupFiles: 'test/support/property-seed.ts' }),
      level('contract', { testTimeout: 120_000, globalSetup: 'test/support/built-program.ts' }),
      level('simulation', { testTimeout: 120_000 }),
      // Needs PostgreSQL and Keycloak, which `npm test` does not ask of a machine: `npm run cdc`.
      level('cdc', {
        include: ['test/integration/cdc/**/*.test.ts'],
        testTimeout: 600_000,
        hookTimeout: 600_000,
        fileParallelism: false,
      }),
      level('integration', {
        exclude: ['test/integration/cdc/**'],
        testTimeout: 120_000,
        hookTimeout: 120_000,
        fileParallelism: false,
        globalSetup: ['test/support/built-program.ts', 'test/support/kafka-global-setup.ts'],
      }),
    ],
    maxWorkers: 2,
  },
});
