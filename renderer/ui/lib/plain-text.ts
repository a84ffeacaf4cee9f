/** Text from installers and PCs is untrusted: it is shown as plain text and never interpreted. */

/**
 * Output as plain-text lines: line ends normalised, control characters in caret notation (an escape sequence reads
 * ^[[31m), direction overrides made visible. Tabs and line feeds are kept.
 */
export function visibleText(text: string): string {
  return text
    .replace(/\r\n?/g, '\n')
    .replace(
      /[\u0000-\u0008\u000b-\u001f]/g,
      (c) => `^${String.fromCharCode(64 + c.charCodeAt(0))}`,
    )
    .replace(/\u007f/g, '^?')
    .replace(/[\u0080-\u009f\u202a-\u202e\u2066-\u2069]/g, '\ufffd')
}

/** One line for a table cell: white space folded, length bounded. */
export function oneLine(text: string, maxLength = 300): string {
  const folded = visibleText(text).replace(/\s+/g, ' ').trim()
  return folded.length > maxLength ? `${folded.slice(0, maxLength - 1)}…` : folded
}

/** Splits after a line end if one is near, so that pieces hold whole lines. */
export function splitIntoPieces(text: string, pieceLength = 8_192): string[] {
  const pieces: string[] = []
  for (let start = 0; start < text.length;) {
    const wanted = start + pieceLength
    const lineEnd = text.indexOf('\n', wanted)
    const end =
      wanted >= text.length
        ? text.length
        : lineEnd < 0 || lineEnd - wanted > pieceLength
          ? wanted
          : lineEnd + 1
    const whole = isHighSurrogate(text, end - 1) ? end + 1 : end
    pieces.push(text.slice(start, whole))
    start = whole
  }
  return pieces
}

const isHighSurrogate = (text: string, at: number): boolean => {
  const code = text.charCodeAt(at)
  return code >= 0xd800 && code <= 0xdbff && at + 1 < text.length
}
