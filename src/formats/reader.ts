/**
 * A format that says which records are its own, so that the formats that detect (auto.ts) know no field of any other format.
 * It goes by names that only this format has: what any table or application may name so (`id`, `type`, `deleted`) says nothing.
 */
import type { SourceFormat, SourceRecord } from '../core/change.ts';
import type { Fields } from './reading.ts';

export interface Reader extends SourceFormat {
  /**
   * The record is of this format and of no other, whether or not it is a membership change.
   * @param fields the value; of a list its first entry; of what Amazon EventBridge sends its `detail`.
   */
  recognizes(fields: Fields, record: SourceRecord): boolean;
  /** Asked only where no format recognizes the record: it may be of this format, and this one says best what is wrong with it. */
  suspects?(fields: Fields, record: SourceRecord): boolean;
}
