/** A file name that is valid on every operating system: "Office 2024 rings report.csv". */
export function safeFileName(text: string, extension: string): string {
  const cleaned = text
    .replace(/[^\p{L}\p{N} ._()-]+/gu, ' ')
    .replace(/\s+/g, ' ')
    .replace(/^[. ]+|[. ]+$/g, '')
    .slice(0, 80)
    .trim()
  return `${cleaned || 'deployment'}.${extension}`
}
