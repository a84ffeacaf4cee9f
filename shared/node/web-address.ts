/** What a URL must satisfy before anything is requested from it. */

/** Why a URL cannot be used. */
export const URL_PROBLEMS = {
  not_an_address: 'it is not an address',
  not_http: 'only http and https addresses can be fetched',
  has_credentials:
    'it contains a user name or password, which would end up in logs; use an address without',
  names_no_host: 'it names no host',
} as const

/** The parsed URL, or why it cannot be used. */
export function checkUrl(text: string): URL | keyof typeof URL_PROBLEMS {
  let url: URL
  try {
    url = new URL(text)
  } catch {
    return 'not_an_address'
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return 'not_http'
  if (url.username !== '' || url.password !== '') return 'has_credentials'
  if (url.hostname === '') return 'names_no_host'
  return url
}

/** For logs and messages: without the query, which may hold a secret. */
export const describeUrl = (url: URL): string => `${url.origin}${url.pathname}`.slice(0, 300)

/** The same for an address that may not be valid. */
export const describeAddress = (text: string): string =>
  (text.split(/[?#]/, 1)[0] ?? '').slice(0, 300)
