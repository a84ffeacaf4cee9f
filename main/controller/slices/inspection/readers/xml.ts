/**
 * The small subset of XML that installer packages need: elements, attributes, text. One pass, strict, bounded. Supports only the
 * five entities of XML and numeric characters, and no definitions, so nothing in a file can make it expand.
 */
import { unreadable } from '../facts.ts'

const ELEMENT_LIMIT = 100_000
const DEPTH_LIMIT = 100
const ATTRIBUTE_LIMIT = 100
/** How many characters of an element's own text are kept. */
const TEXT_LIMIT = 64 * 1024

export type XmlElement = {
  name: string
  attributes: Record<string, string | undefined>
  children: XmlElement[]
  /** Its own text, without that of nested elements. */
  text: string
}

const ENTITIES: Record<string, string> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" }
const decoded = (text: string): string =>
  text.includes('&')
    ? text.replace(/&(lt|gt|amp|quot|apos|#\d{1,7}|#x[0-9a-f]{1,6});/gi, (whole, name: string) => {
        if (!name.startsWith('#')) return ENTITIES[name.toLowerCase()] ?? whole
        const isHex = name[1]!.toLowerCase() === 'x'
        const code = parseInt(name.slice(isHex ? 2 : 1), isHex ? 16 : 10)
        return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : ''
      })
    : text

const malformed = () => unreadable('the XML in it is damaged')
const tooLarge = () => unreadable('the XML in it is larger than is read')

const isBlank = (code: number): boolean =>
  code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09
/** `/`, `=`, `<`, `>`, quotes and whitespace end a name; NaN is the end of the text. */
const endsName = (code: number): boolean =>
  Number.isNaN(code) ||
  isBlank(code) ||
  code === 0x2f ||
  (code >= 0x3c && code <= 0x3e) ||
  code === 0x22 ||
  code === 0x27

const element = (name: string): XmlElement => ({
  name,
  attributes: Object.create(null) as Record<string, string | undefined>,
  children: [],
  text: '',
})

/**
 * The document; the returned element has its top elements as children.
 * @throws AppError E_PACKAGE_UNREADABLE when it is not well-formed or too large
 */
export function parseXml(xml: string): XmlElement {
  const document = element('')
  const open = [document]
  let elements = 0
  let at = 0

  /** The position after the next `mark`. */
  const behind = (mark: string, from: number): number => {
    const found = xml.indexOf(mark, from)
    if (found < 0) throw malformed()
    return found + mark.length
  }
  const skipBlanks = (): void => {
    while (isBlank(xml.charCodeAt(at))) at++
  }
  function name(): string {
    const from = at
    while (!endsName(xml.charCodeAt(at))) at++
    if (at === from) throw malformed()
    return xml.slice(from, at)
  }
  function addText(text: string): void {
    const into = open.at(-1)!
    const room = TEXT_LIMIT - into.text.length
    if (room > 0) into.text += text.slice(0, room)
  }
  function startTag(): void {
    if (++elements > ELEMENT_LIMIT || open.length > DEPTH_LIMIT) throw tooLarge()
    at++
    const made = element(name())
    for (let count = 0; ; count++) {
      skipBlanks()
      if (xml.startsWith('/>', at) || xml[at] === '>') break
      if (count === ATTRIBUTE_LIMIT) throw tooLarge()
      const key = name()
      skipBlanks()
      if (xml[at] !== '=') throw malformed()
      at++
      skipBlanks()
      const quote = xml[at]
      if (quote !== '"' && quote !== "'") throw malformed()
      const end = behind(quote, at + 1)
      made.attributes[key] = decoded(xml.slice(at + 1, end - 1))
      at = end
    }
    open.at(-1)!.children.push(made)
    if (xml[at] === '/') at += 2
    else {
      at++
      open.push(made)
    }
  }
  function endTag(): void {
    at += 2
    const ended = name()
    skipBlanks()
    if (xml[at] !== '>' || open.length === 1 || open.pop()!.name !== ended) throw malformed()
    at++
  }

  while (at < xml.length) {
    const next = xml.indexOf('<', at)
    const textEnd = next < 0 ? xml.length : next
    if (textEnd > at) addText(decoded(xml.slice(at, textEnd)))
    at = textEnd
    if (next < 0) break
    if (xml.startsWith('<!--', at)) at = behind('-->', at + 4)
    else if (xml.startsWith('<![CDATA[', at)) {
      const end = behind(']]>', at + 9)
      addText(xml.slice(at + 9, end - 3))
      at = end
    } else if (xml.startsWith('<?', at)) at = behind('?>', at + 2)
    else if (xml.startsWith('<!', at)) {
      const end = behind('>', at + 2)
      if (xml.slice(at, end).includes('[')) throw malformed()
      at = end
    } else if (xml.startsWith('</', at)) endTag()
    else startTag()
  }
  if (open.length > 1) throw malformed()
  return document
}

/** Elements of this name at any depth, in document order. */
export function elementsOf(root: XmlElement, name: string): XmlElement[] {
  const found: XmlElement[] = []
  const visit = (parent: XmlElement): void => {
    for (const child of parent.children) {
      if (child.name === name) found.push(child)
      visit(child)
    }
  }
  visit(root)
  return found
}

export const childOf = (parent: XmlElement | undefined, name: string): XmlElement | undefined =>
  parent?.children.find((child) => child.name === name)

/** The text of the first element of this name at any depth, or null. */
export function textIn(root: XmlElement, name: string): string | null {
  const [first] = elementsOf(root, name)
  return first ? first.text.trim() : null
}
