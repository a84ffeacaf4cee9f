import { expect, it } from 'vitest'
import { upperFirst } from './upper-first.ts'

it.each([
  ['no installer. see log', 'No installer. see log'],
  ['übersprungen', 'Übersprungen'],
  ['𐐨 outside the basic plane', '𐐀 outside the basic plane'],
  ['Already', 'Already'],
  ['3 PCs', '3 PCs'],
  ['a\nb', 'A\nb'],
  ['', ''],
])('begins %j in upper case', (text, shown) => {
  expect(upperFirst(text)).toBe(shown)
})
