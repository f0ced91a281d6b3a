/** Times that people and sources write, as RFC 3339 has them. */

const TIME = /^(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,12}))?)?([Zz]|[+-]\d\d:?\d\d))?$/;

/**
 * RFC 3339 → epoch ms. Seconds may be left out; a day alone is its beginning in UTC.
 * null: it is none, such as the 30th of February or a time without a zone, which would depend on the machine.
 */
export function instantIn(text: string): number | null {
  const [isTime, year, month, day, hour = '00', minute = '00', second = '00', fraction = '', zone = 'Z'] =
    TIME.exec(text) ?? [];
  if (isTime === undefined || !isDay(Number(year), Number(month), Number(day)) || Number(hour) > 23) return null;
  const date = `${year}-${month}-${day}T${hour}:${minute}:${second}`;
  const at = Date.parse(`${date}.${fraction.slice(0, 3).padEnd(3, '0')}${zone.toUpperCase()}`);
  return Number.isNaN(at) ? null : at;
}

/** Dates that are not there are moved by `Date`, and so are no longer what they were. */
function isDay(year: number, month: number, day: number): boolean {
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
}
