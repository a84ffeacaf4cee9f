/** The name of a fetched file: from Content-Disposition (RFC 6266), otherwise from its URL. Not cleaned yet. */

const decode = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

export function fileNameOfUrl(url: URL): string {
  return decode(url.pathname.split('/').at(-1) ?? '')
}

/** The name that the server gives the file, or null. */
export function fileNameOfDisposition(header: string | undefined): string | null {
  const value = header?.slice(0, 2048) ?? ''
  const extended =
    /(?:^|;)\s{0,20}filename\*\s{0,20}=\s{0,20}UTF-8'[^']{0,40}'([^;\s]{1,2048})/i.exec(value)
  if (extended) return decode(extended[1]!)
  const quoted = /(?:^|;)\s{0,20}filename\s{0,20}=\s{0,20}"((?:[^"\\]|\\.){0,2048})"/i.exec(value)
  if (quoted) return quoted[1]!.replaceAll(/\\(.)/g, '$1')
  const plain = /(?:^|;)\s{0,20}filename\s{0,20}=\s{0,20}([^;\s"]{1,2048})/i.exec(value)
  return plain ? plain[1]! : null
}
