/**
 * Breaks each import and lint rule once on purpose, in a small project tree, and expects the rule's name in
 * the report.
 */
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { allowed, otherFiles, packages, violations } from './import-rules.cases.ts'
import { projectRoot } from './support/project.ts'
import { run } from './support/run.ts'

/** Ends a run that hangs, before the limit of the hook does. */
const LIMIT_MS = 200_000
const rulesFile = '.dependency-cruiser.cjs'
type Rules = { forbidden: { name: string }[] }
const rules = createRequire(import.meta.url)(path.join(projectRoot, rulesFile)) as Rules

let parent: string
const made: string[] = []
beforeAll(async () => {
  // Below the project root, so that tools and their plugins are found from there.
  parent = path.join(projectRoot, 'test-results')
  await mkdir(parent, { recursive: true })
})
afterAll(async () => {
  await Promise.all(made.map((folder) => rm(folder, { recursive: true, force: true })))
})

/** A small project with the real configuration and these files. */
async function createProject(copied: string[], files: Record<string, string>): Promise<string> {
  const root = await mkdtemp(path.join(parent, 'rules-'))
  made.push(root)
  for (const name of copied) {
    await mkdir(path.dirname(path.join(root, name)), { recursive: true })
    await copyFile(path.join(projectRoot, name), path.join(root, name))
  }
  for (const [name, text] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(root, name)), { recursive: true })
    await writeFile(path.join(root, name), text)
  }
  return root
}

describe('the import rules', () => {
  type Violation = { rule: { name: string }; from: string; to: string }
  let found: Violation[]

  beforeAll(async () => {
    const files: Record<string, string> = {
      'shared/lib/b.ts': "import './a.ts'\n",
      'main/controller/compose/y1.ts': "void import('../edges/consoles/docs.ts')\n",
      'e2e/any.ts': 'export {}\n',
      'bench/any.ts': 'export {}\n',
    }
    for (const name of otherFiles) files[name] = 'export const any = 1\n'
    for (const [file, specifier] of [...violations.map((v) => [v[1], v[2]] as const), ...allowed]) {
      const line = `import '${specifier}'\n`
      files[file] = file.endsWith('.vue') ? `<script setup lang="ts">\n${line}</script>\n` : line
    }
    for (const name of packages) {
      files[`node_modules/${name}/package.json`] = JSON.stringify({ name, main: 'index.js' })
      files[`node_modules/${name}/index.js`] = ''
    }
    files['package.json'] = JSON.stringify({
      type: 'module',
      imports: { '#shared/*': './shared/*' },
      dependencies: Object.fromEntries(packages.map((name) => [name, '1'])),
    })
    const root = await createProject([rulesFile, 'tsconfig.node.json', 'tsconfig.base.json'], files)
    const cli = path.join(projectRoot, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs')
    const topFolders = ['main', 'renderer', 'agent', 'shared', 'build', 'e2e', 'bench']
    const args = [cli, ...topFolders, '--config', rulesFile, '--output-type', 'json']
    const result = await run(process.execPath, args, { cwd: root, timeoutMs: LIMIT_MS })
    const report = JSON.parse(result.stdout) as { summary: { violations: Violation[] } }
    found = report.summary.violations
  })

  it.each(violations)('%s: %s may not import %s', (rule, file, _specifier, leadsTo) => {
    const fired = found.filter(({ from, to }) => from === file && to === leadsTo)
    expect(fired.map((violation) => violation.rule.name)).toContain(rule)
  })

  it('allow valid imports', () => {
    const files = new Set<string>([...allowed.map(([file]) => file), ...otherFiles])
    files.add('main/controller/compose/y1.ts')
    expect(found.filter(({ from }) => files.has(from))).toEqual([])
  })

  it('are all covered by the cases above', () => {
    const seen = new Set(violations.map(([rule]) => rule))
    expect([...seen].sort()).toEqual(rules.forbidden.map(({ name }) => name).sort())
  })
})

const lintCases: [rule: string, file: string, text: string][] = [
  ['@typescript-eslint/no-floating-promises', 'main/a.ts', 'Promise.resolve(1)'],
  [
    '@typescript-eslint/no-misused-promises',
    'main/b.ts',
    'setTimeout(async () => await Promise.resolve())',
  ],
  ['@typescript-eslint/no-explicit-any', 'main/c.ts', 'export const anything: any = 1'],
  [
    '@typescript-eslint/switch-exhaustiveness-check',
    'agent/d.ts',
    `export function word(side: 'left' | 'right'): string {
      switch (side) { case 'left': return 'l' }
      return ''
    }`,
  ],
  ['@typescript-eslint/only-throw-error', 'main/e.ts', "throw 'a text'"],
  [
    '@typescript-eslint/consistent-type-imports',
    'main/f.ts',
    "import { Stats } from 'node:fs'\nexport type Size = Stats",
  ],
  ['no-console', 'agent/g.ts', "console.log('to nobody')"],
  ['no-restricted-syntax', 'main/h.ts', 'export default 1'],
  ['no-restricted-syntax', 'main/n.test.ts', "it('is slow', () => {}, 60_000)"],
  ['no-restricted-imports', 'main/i.ts', "import { ipcMain } from 'electron'\nvoid ipcMain"],
  ['max-lines', 'main/j.ts', 'export {}\n'.repeat(401)],
  [
    'vue/no-v-html',
    'renderer/K.vue',
    '<script setup lang="ts">\nconst text = "<b>"\n</script>\n<template><p v-html="text" /></template>',
  ],
  [
    'vue/no-bare-strings-in-template',
    'renderer/features/any/Text.vue',
    '<script setup lang="ts"></script>\n<template><p>Running now</p></template>',
  ],
  [
    'vue/no-bare-strings-in-template',
    'renderer/ui/Attribute.vue',
    '<script setup lang="ts"></script>\n<template><input aria-label="Name" /></template>',
  ],
  [
    '@typescript-eslint/no-floating-promises',
    'renderer/L.vue',
    '<script setup lang="ts">\nPromise.resolve(1)\n</script>\n<template><p /></template>',
  ],
]

describe('the lint rules that matter', () => {
  type FileReport = {
    filePath: string
    messages: { ruleId: string | null; severity: number; message: string }[]
  }
  let reports: FileReport[]
  let root: string

  beforeAll(async () => {
    const configs = ['base', 'node', 'agent', 'web'].map((name) => `tsconfig.${name}.json`)
    const files = Object.fromEntries(lintCases.map(([, file, text]) => [file, `${text}\n`]))
    const rule = 'build/eslint-rules/no-unbounded-regex.ts'
    root = await createProject(['eslint.config.js', rule, ...configs], {
      ...files,
      'package.json': '{ "type": "module" }',
      'main/allowed.ts': 'export const one = 1\n',
    })
    const cli = path.join(projectRoot, 'node_modules/eslint/bin/eslint.js')
    const args = [cli, '.', '--format', 'json']
    const result = await run(process.execPath, args, { cwd: root, timeoutMs: LIMIT_MS })
    reports = JSON.parse(result.stdout) as FileReport[]
  })

  const messagesOf = (file: string) =>
    reports.find(({ filePath }) => filePath === path.join(root, file))?.messages

  it.each(lintCases)('%s refuses %s', (rule, file) => {
    const errors = messagesOf(file)?.filter(({ severity }) => severity === 2)
    expect(errors?.map(({ ruleId }) => ruleId)).toContain(rule)
  })

  it('accept a valid file', () => {
    expect(messagesOf('main/allowed.ts')).toEqual([])
  })
})
