/** Names and texts compared the way people read them: without case, however their characters were composed (Unicode). */

const ASCII = /^\p{ASCII}*$/u
/** Soft hyphens, joiners, marks of direction: nobody sees them. */
const INVISIBLE = /\p{Default_Ignorable_Code_Point}/gu

/**
 * For search: two texts that look the same fold to the same text, and a part of one to a part of the other. Case folding is
 * done by way of upper case, so that ß is ss and both forms of the sigma are one (Unicode, section 5.18).
 */
export function foldedForSearch(text: string): string {
  if (ASCII.test(text)) return text.toLowerCase()
  return text
    .normalize('NFKC')
    .replace(INVISIBLE, '')
    .toLowerCase()
    .toUpperCase()
    .toLowerCase()
    .replaceAll('ς', 'σ')
    .normalize('NFKC')
}

/** For uniqueness: as for search, and runs of spaces count as one. */
export const foldedName = (name: string): string =>
  foldedForSearch(name).trim().replace(/\s+/gu, ' ')
