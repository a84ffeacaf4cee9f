/** The data formats of Inno Setup whose structure is known: 6.1.0 is 60_100. */

/** The newest of those that follow each other. */
const NEWEST = 60_499
/** Read from the source of their version. */
const LATER = [60_502]

export const isKnownFormat = (format: number): boolean => format <= NEWEST || LATER.includes(format)
export const NEWEST_KNOWN = '6.5.2'
