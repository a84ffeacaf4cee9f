/**
 * The little XML that installer packages need: elements by name, their attributes and text. No entities but the five of XML, no
 * definitions, so nothing in a file can make it grow.
 */
const ENTITIES: Record<string, string> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" }
/** More is not looked at. */
const ELEMENT_LIMIT = 10_000

const decoded = (text: string): string =>
  text.replace(/&(lt|gt|amp|quot|apos);/g, (_whole, name: string) => ENTITIES[name]!)

export type Element = { tag: string; content: string }

/** Elements of this name at any depth, in their order; those inside one another too. */
export function elementsOf(xml: string, name: string): Element[] {
  const found: Element[] = []
  const open: { tag: string; from: number; index: number }[] = []
  const pattern = new RegExp(`<!--[\\s\\S]*?-->|<${name}(?=[\\s/>])[^>]*>|</${name}\\s*>`, 'g')
  for (const match of xml.matchAll(pattern)) {
    const [tag] = match
    if (tag.startsWith('<!--')) continue
    if (tag.startsWith('</')) {
      const start = open.pop()
      if (start)
        found[start.index] = { tag: start.tag, content: xml.slice(start.from, match.index) }
      continue
    }
    if (found.length >= ELEMENT_LIMIT) break
    found.push({ tag, content: '' })
    if (!tag.endsWith('/>'))
      open.push({ tag, from: match.index + tag.length, index: found.length - 1 })
  }
  return found
}

export function attributesOf(tag: string): Record<string, string | undefined> {
  const found: Record<string, string> = {}
  for (const [, name, double, single] of tag.matchAll(/([\w:-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g))
    found[name!] = decoded(double ?? single ?? '')
  return found
}

/** The text of the first element of this name, or null. */
export function textIn(xml: string, name: string): string | null {
  const [first] = elementsOf(xml, name)
  if (!first) return null
  const text = first.content.replace(/<!\[CDATA\[([\s\S]*?)\]\]>/g, '$1')
  return decoded(text.replace(/<[^>]*>/g, '')).trim()
}
