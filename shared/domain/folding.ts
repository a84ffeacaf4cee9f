/** Compares names and texts as people read them: ignoring case and Unicode composition. */

const ASCII = /^\p{ASCII}*$/u
/** Soft hyphens, joiners, direction marks. */
const INVISIBLE = /\p{Default_Ignorable_Code_Point}/gu

/**
 * For search: texts that look the same fold to the same text, and the fold of a text contains the folds of its parts.
 * Case folding goes through upper case, so that
 * ß equals ss and both forms of sigma are the same (Unicode, section 5.18).
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
