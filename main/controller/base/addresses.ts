/**
 * An IPv4 address in its usual form, even if it arrived over an IPv6 socket (`::ffff:192.168.1.5`).
 */
export const plainAddress = (address: string | undefined): string =>
  (address ?? 'unknown').replace(/^::ffff:(?=\d+\.)/, '')

export const isLoopback = (address: string | undefined): boolean => {
  const plain = plainAddress(address)
  return plain === '::1' || /^127\./.test(plain)
}
