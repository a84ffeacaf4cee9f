/** Formats addresses for URLs: an IPv6 address is put in brackets. */
import { isIPv6 } from 'node:net'

/** `fd00::1` as `[fd00::1]`; names, IPv4 and bracketed addresses are unchanged. */
export const urlHost = (host: string): string => (isIPv6(host) ? `[${host}]` : host)

/** `HOST:PORT` as in a URL. */
export const hostPort = (host: string, port: number): string => `${urlHost(host)}:${port}`
