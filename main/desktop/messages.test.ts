import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { keysOf } from '#shared/domain/templates.ts'
import { en } from './messages.en.ts'
import { t } from './texts.ts'

const folder = import.meta.dirname
const sources = readdirSync(folder)
  .filter((name) => /\.ts$/.test(name) && !/\.test\.ts$|^messages\./.test(name))
  .map((name) => join(folder, name))
const code = [...sources, join(folder, '..', 'index.ts')]
  .map((file) => readFileSync(file, 'utf8'))
  .join('\n')

it('the texts of the desktop app are all shown somewhere', () => {
  const unused = keysOf(en).filter((key) => !code.includes(`'${key}'`))
  expect(unused).toEqual([])
})

it('a wrong key or a missing parameter does not compile', () => {
  // @ts-expect-error: no such text
  expect(t('menu.none')).toBe('menu.none')
  // @ts-expect-error: a parameter is missing
  expect(t('start.unexpected')).toBe('An unexpected error: {reason}')
  // @ts-expect-error: the count is not a number
  expect(t('tray.more', { n: 'x' })).toBe('and x more')
})
