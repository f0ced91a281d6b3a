import { changeLogSuite } from '../support/change-log-suite.ts';
import { memoryLogHarness } from '../support/memory-log-harness.ts';

changeLogSuite('the memory log', memoryLogHarness);
