/** Steers a terminal, breaks a line, or turns the direction of what follows. */
const STEERING = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu

/** One line of text in which nothing steers: each such character becomes U+FFFD, so that it can be seen. Same length or shorter. */
export const withoutSteering = (text: string): string => text.replaceAll(STEERING, '\ufffd')
