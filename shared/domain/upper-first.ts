/** The text with its first letter in upper case, as at the start of a sentence. */
export const upperFirst = (text: string): string =>
  text.replace(/^./u, (letter) => letter.toUpperCase())
