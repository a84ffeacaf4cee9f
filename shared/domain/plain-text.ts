/**
 * Characters that mislead a reader: controls (they steer terminals and break lines), line and paragraph separators, lone
 * surrogates, and marks that change the direction of the text after them or show nothing at all.
 */
const STEERING_CLASS = String.raw`\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}`
const STEERING = new RegExp(`[${STEERING_CLASS}]`, 'gu')
/** The same, except tab and line feed. */
const STEERING_IN_LINES = new RegExp(String.raw`(?![\t\n])[${STEERING_CLASS}]`, 'gu')

/** One line of text: each character that steers becomes U+FFFD, so a reader sees that something was there. Never longer. */
export const withoutSteering = (text: string): string => text.replaceAll(STEERING, '\ufffd')

/** Several lines of text: as `withoutSteering`, but tabs stay, and every kind of line end becomes a line feed. */
export const withoutSteeringInLines = (text: string): string =>
  text.replaceAll(/\r\n?/g, '\n').replaceAll(STEERING_IN_LINES, '\ufffd')

/** Matches one line in which nothing steers. Shown in the API description, hence a pattern. */
export const ONE_PLAIN_LINE = new RegExp(`^[^${STEERING_CLASS}]*$`, 'u')
/** Matches text in which nothing steers except tabs and line ends. */
export const PLAIN_LINES = new RegExp(String.raw`^(?:[\t\n\r]|[^${STEERING_CLASS}])*$`, 'u')
