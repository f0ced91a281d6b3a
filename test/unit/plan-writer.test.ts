import { expect, test } from 'vitest';
import { PlanWriter } from '../../src/console/plan-file.ts';
import { EXIT } from '../../src/exit-codes.ts';
import { configOf } from '../support/plan-world.ts';

test('a disk that is full is an error of the user, which names it', async () => {
  const append = async (): Promise<void> => {
    throw new Error('ENOSPC: no space left on device, write');
  };
  const writer = new PlanWriter({ append, close: async () => undefined });
  const config = configOf({ lines: [], groups: {}, ids: null, environment: {} });
  const input = { format: 'native', input: { file: '-', sha256: '' }, invalid: 0, now: 0 };
  await expect(writer.begin(config, input)).rejects.toMatchObject({
    code: EXIT.usage,
    message: expect.stringContaining('plan --out: ENOSPC'),
  });
});
