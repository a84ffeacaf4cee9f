import { describe, expect, it } from 'vitest'
import { textsOf, type Messages } from './ui/i18n.ts'

const trees = import.meta.glob<{ en: Messages }>('./**/messages.en.ts', { eager: true })
const sources = import.meta.glob<string>(['./**/*.{vue,ts}', '!./**/*.test.ts'], {
  eager: true,
  query: '?raw',
  import: 'default',
})

const leaves = (tree: Messages, path = ''): [key: string, text: string][] =>
  Object.entries(tree).flatMap(([name, value]) =>
    typeof value === 'string'
      ? [[`${path}${name}`, value] as [string, string]]
      : leaves(value, `${path}${name}.`),
  )
const namesIn = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!)

/** The expected text, computed without the message compiler. */
const filled = (form: string, n: number) =>
  form
    .replace(/\{'(.)'\}/g, '$1')
    .replace(/\{(\w+)\}/g, (_, name: string) => (name === 'n' ? String(n) : `<${name}>`))

describe.each(Object.entries(trees))('%s', (file, { en }) => {
  const t = textsOf(`test of ${file}`.replace(/\W+/g, '-'), en) as (k: string, v: object) => string

  it('compiles, and shows every parameter of every text', () => {
    const wrong = leaves(en).flatMap(([key, text]) => {
      const names = namesIn(text).filter((name) => name !== 'n')
      const values = Object.fromEntries(names.map((name) => [name, `<${name}>`]))
      const forms = text.split(' | ')
      return forms.flatMap((form, at) => {
        const n = forms.length === 2 && at === 0 ? 1 : 5
        const shown = t(key, { ...values, n })
        return at < 2 && shown === filled(form, n) ? [] : [`${key}: ${shown}`]
      })
    })
    expect(wrong).toEqual([])
  })

  it('has no control character, and no escape that JavaScript drops', () => {
    const source = sources[file] ?? ''
    expect(leaves(en).filter(([, text]) => /\p{Cc}/u.test(text))).toEqual([])
    expect(source.match(/(?<!\\)(\\\\)*\\[^\\'].{0,20}/g) ?? []).toEqual([])
  })

  const folder = file.replace('messages.en.ts', '')
  const code = Object.entries(sources)
    .filter(([name]) => name.startsWith(folder) && name !== file)
    .map(([, source]) => source)
    .join('\n')

  it('fills every parameter of an <I18nT> text with a slot', () => {
    const texts = new Map(leaves(en))
    const wrong = [...code.matchAll(/<I18nT\b[\s\S]*?<\/I18nT>/g)].flatMap(([use]) => {
      const key = /t\.path\('([^']+)'\)/.exec(use)?.[1] ?? ''
      const slots = [...use.matchAll(/<template #(\w+)/g)].map(([, name]) => name!)
      const names = new Set(namesIn(texts.get(key) ?? ''))
      const isFilled = names.size > 0 && names.size === slots.length
      return isFilled && slots.every((name) => names.has(name)) ? [] : [`${key}: ${slots.join()}`]
    })
    expect(wrong).toEqual([])
  })

  it('has no unused text', () => {
    const isUsed = (key: string) => {
      const parts = key.split('.')
      return (
        code.includes(`'${key}'`) ||
        // A composed key: t(`errors.${code}`)
        parts.some((_, at) => at > 0 && code.includes(`\`${parts.slice(0, at).join('.')}.\${`))
      )
    }
    expect(leaves(en).flatMap(([key]) => (isUsed(key) ? [] : [key]))).toEqual([])
  })
})
