/**
 * Characters that mislead a reader: control characters, line and paragraph separators, lone surrogates, and invisible or
 * direction-changing marks.
 */
const MISLEADING_CLASS = String.raw`\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}`
const MISLEADING = new RegExp(`[${MISLEADING_CLASS}]`, 'gu')
/** The same, except tab and line feed. */
const MISLEADING_IN_LINES = new RegExp(String.raw`(?![\t\n])[${MISLEADING_CLASS}]`, 'gu')

/** One line of text: each misleading character becomes U+FFFD, so that a reader sees it. Never longer than the input. */
export const replaceMisleading = (text: string): string => text.replaceAll(MISLEADING, '\ufffd')

/** Several lines of text: like `replaceMisleading`, but tabs stay, and every line ending becomes a line feed. */
export const replaceMisleadingInLines = (text: string): string =>
  text.replaceAll(/\r\n?/g, '\n').replaceAll(MISLEADING_IN_LINES, '\ufffd')

/** Matches one line without misleading characters. A pattern, so that the API description shows it. */
export const ONE_PLAIN_LINE = new RegExp(`^[^${MISLEADING_CLASS}]*$`, 'u')
/** The same for several lines: tabs and line endings are allowed. */
export const PLAIN_LINES = new RegExp(String.raw`^(?:[\t\n\r]|[^${MISLEADING_CLASS}])*$`, 'u')
