import { defineConfig } from 'vitest/config';

// One project per level of test (see ARCHITECTURE.md). Kafka levels start real brokers, so their files run one at a time.
const level = (name: string, options: Record<string, unknown> = {}) => ({
  test: { name, include: [`test/${name}/**/*.test.ts`], ...options },
});

export default defineConfig({
  test: {
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
