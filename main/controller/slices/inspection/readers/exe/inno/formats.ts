/** The data formats of Inno Setup whose structure is known: 6.1.0 is 60_100. */

/** Every format up to this one is known. */
const KNOWN_UP_TO = 60_499
/** Later ones that are known from their source. Those between them are not. */
const KNOWN_LATER = [60_502]

export const isKnownFormat = (format: number): boolean =>
  format <= KNOWN_UP_TO || KNOWN_LATER.includes(format)
/** As shown in messages. */
export const NEWEST_KNOWN_FORMAT = '6.5.2'
