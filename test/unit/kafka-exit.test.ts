import { describe, expect, test } from 'vitest';
import { KafkaFailure, type KafkaFault } from '../../src/adapters/kafka/errors.ts';
import { kafkaExit } from '../../src/console/kafka-tools.ts';
import { EXIT, ExitError, type ExitCode } from '../../src/exit-codes.ts';

const failure = (code: KafkaFault): KafkaFailure =>
  new KafkaFailure({ code, message: 'It failed', advice: 'Repair it.' });

describe('what Kafka refuses ends a command', () => {
  test.each<[KafkaFault, ExitCode]>([
    ['credentials_refused', EXIT.configuration],
    ['certificate_untrusted', EXIT.configuration],
    ['certificate_name', EXIT.configuration],
    ['not_authorized', EXIT.configuration],
    ['session_refused', EXIT.configuration],
    ['topic_missing', EXIT.unavailable],
    ['partition_counts', EXIT.unavailable],
    ['refused', EXIT.unavailable],
  ])('%s with %d, and its remedy', (code, exit) => {
    expect(kafkaExit(failure(code))).toMatchObject({ code: exit, message: expect.stringContaining('Repair it.') });
  });

  test('what is no doing of Kafka stays what it is', () => {
    const bug = new TypeError('undefined is not a function');
    expect(kafkaExit(bug)).toBe(bug);
    const exit = new ExitError(EXIT.usage, 'no');
    expect(kafkaExit(exit)).toBe(exit);
  });
});
