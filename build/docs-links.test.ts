import { existsSync, globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, it } from 'vitest'
import { projectRoot } from './support/project.ts'

const PAGES = ['README.md', 'CONTRIBUTING.md', ...globSync('docs/**/*.md', { cwd: projectRoot })]
const LINE_LIMIT = 180
const TOUR = 'docs/tour.md'
/** Folders that begin a path of the project. */
const TOP = /^(main|renderer|agent|shared|build|e2e|bench|docs)\//
/** A source file below a folder. */
const SOURCE = /^[\w*.-]+\/[\w*./-]+\.(ts|vue|c|md|cjs)$/
/** Pages give paths in the controller relative to its folders or its slices. */
const SHORT_FOR = [
  'main/controller',
  'main/controller/slices',
  'main/controller/slices/deployments',
]

const textOf = (file: string): string => readFileSync(path.join(projectRoot, file), 'utf8')
const proseOf = (text: string): string => text.replace(/^```.*?^```/gms, '')
/** Every match of the expression's first group. */
const all = (text: string, expression: RegExp): string[] =>
  [...text.matchAll(expression)].map(([, found]) => found!)
const linksOf = (text: string): string[] => all(text, /\]\(([^)\s]+)\)/g)
const codeOf = (text: string): string[] => all(text, /`([^`\s]+)`/g)

/** The anchor of a heading, as GitHub makes it. */
const anchorOf = (heading: string): string =>
  heading
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replace(/\s/g, '-')
const anchorsOf = (text: string): string[] => all(proseOf(text), /^#+ (.+)$/gm).map(anchorOf)

/** A name in capitals stands for any, as in `renderer/features/NAME/`. */
function isThere(file: string): boolean {
  const pattern = file.replace(/(?<=\/)[A-Z]+(?=\/|$)/g, '*')
  return pattern.includes('*')
    ? globSync(pattern, { cwd: projectRoot }).length > 0
    : existsSync(path.join(projectRoot, pattern))
}

function leadsSomewhere(page: string, text: string, link: string): boolean {
  if (/^[a-z]+:/.test(link)) return true
  const [file = '', anchor] = link.split('#')
  const target = path.join(path.dirname(page), file)
  if (file !== '' && !isThere(target)) return false
  return anchor === undefined || anchorsOf(file === '' ? text : textOf(target)).includes(anchor)
}
const deadLinks = (page: string, text: string): string[] =>
  linksOf(proseOf(text))
    .filter((link) => !leadsSomewhere(page, text, link))
    .map((link) => `${page}: ${link}`)

const namesNothing = (code: string): boolean =>
  TOP.test(code)
    ? !isThere(code)
    : SOURCE.test(code) && !SHORT_FOR.some((folder) => isThere(`${folder}/${code}`))
const missingPaths = (page: string, text: string): string[] =>
  codeOf(proseOf(text))
    .filter(namesNothing)
    .map((code) => `${page}: ${code}`)

/** Names in an item of the tour that occur in none of the files to which the item links. */
const missingNames = (text: string): string[] =>
  text.split(/^(?=\d+\. |- |#)/m).flatMap((item) => {
    const files = linksOf(item).filter((link) => link.startsWith('../') && /\.(ts|vue)$/.test(link))
    if (files.length === 0) return []
    const code = files.map((link) => textOf(path.join(path.dirname(TOUR), link))).join('\n')
    return codeOf(item).filter(
      (name) => /^\w+$/.test(name) && !new RegExp(`\\b${name}\\b`).test(code),
    )
  })

/** Sentences that a reader has to read twice, and lines whose changes cannot be reviewed. */
const longLines = (page: string, text: string): string[] =>
  proseOf(text)
    .split('\n')
    .filter((line) => line.length > LINE_LIMIT)
    .map((line) => `${page}: ${line}`)

it('has no line that is too long', () => {
  const pages = [...PAGES, 'CHANGELOG.md']
  expect(pages.flatMap((page) => longLines(page, textOf(page)))).toEqual([])
})
it('links only to pages, headings and files that exist', () => {
  expect(PAGES.flatMap((page) => deadLinks(page, textOf(page)))).toEqual([])
})
it('names only files that exist', () => {
  expect(PAGES.flatMap((page) => missingPaths(page, textOf(page)))).toEqual([])
})
it('leads the tour only to functions and types that exist', () => {
  expect(missingNames(textOf(TOUR))).toEqual([])
})

it('reports what is missing', () => {
  const text = '# Here we are\n[a](#here-we-are) [b](guides/nowhere.md) [c](#elsewhere)'
  const paths = '`main/nowhere.ts` `store/store.ts` `store/nowhere.ts`'
  const item = '1. [`store.ts`](../main/controller/store/store.ts): `openStore` and `closeStore`'
  expect(deadLinks(TOUR, text)).toEqual([`${TOUR}: guides/nowhere.md`, `${TOUR}: #elsewhere`])
  expect(missingPaths(TOUR, paths)).toEqual([
    `${TOUR}: main/nowhere.ts`,
    `${TOUR}: store/nowhere.ts`,
  ])
  expect(missingNames(item)).toEqual(['closeStore'])
  const [fits, tooLong] = ['a'.repeat(LINE_LIMIT), 'a'.repeat(LINE_LIMIT + 1)]
  expect(longLines(TOUR, `${fits}\n${tooLong}\n\`\`\`\n${tooLong}\n\`\`\``)).toEqual([
    `${TOUR}: ${tooLong}`,
  ])
})
