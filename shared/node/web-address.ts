/** What a URL must satisfy before anything is requested from it. */

/** The parsed URL, or a message why it cannot be used. */
export function checkUrl(text: string): URL | string {
  let url: URL
  try {
    url = new URL(text)
  } catch {
    return 'it is not an address'
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    return 'only http and https addresses can be fetched'
  if (url.username !== '' || url.password !== '')
    return 'it contains a user name or password, which would end up in logs; use an address without'
  if (url.hostname === '') return 'it names no host'
  return url
}

/** For logs and messages: without the query, which may hold a secret. */
export const describeUrl = (url: URL): string => `${url.origin}${url.pathname}`.slice(0, 300)
