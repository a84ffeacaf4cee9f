/** The name a fetched file goes by: from Content-Disposition (RFC 6266), else from its address. Not cleaned yet. */

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

/** The name the server gives the file, or null. */
export function fileNameOfDisposition(header: string | undefined): string | null {
  const said = header?.slice(0, 2048) ?? ''
  const extended = /(?:^|;)\s*filename\*\s*=\s*UTF-8'[^']*'([^;\s]+)/i.exec(said)
  if (extended) return decode(extended[1]!)
  const quoted = /(?:^|;)\s*filename\s*=\s*"((?:[^"\\]|\\.)*)"/i.exec(said)
  if (quoted) return quoted[1]!.replaceAll(/\\(.)/g, '$1')
  const plain = /(?:^|;)\s*filename\s*=\s*([^;\s"]+)/i.exec(said)
  return plain ? plain[1]! : null
}
