/** The name without its extension, for people; the whole name when nothing comes before the dot. */
export function stemOf(fileName: string): string {
  const unpacked = fileName.replace(/\.tar\.(gz|xz)$/i, '')
  if (unpacked !== fileName && unpacked !== '') return unpacked
  const dot = fileName.lastIndexOf('.')
  return dot > 0 ? fileName.slice(0, dot) : fileName
}
