import { describeKafka } from '../support/broker.ts';
import { changeLogSuite } from '../support/change-log-suite.ts';
import { kafkaLogHarness } from '../support/kafka-log-harness.ts';

describeKafka('Kafka', ({ brokers }) => changeLogSuite('the log', kafkaLogHarness(brokers)));
