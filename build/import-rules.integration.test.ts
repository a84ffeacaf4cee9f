/**
 * Breaks each import and lint rule once on purpose, in a small project tree, and expects the rule's name in
 * the report.
 */
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { projectRoot } from './support/project.ts'
import { run } from './support/run.ts'

const LIMIT_MS = 90_000
const rulesFile = '.dependency-cruiser.cjs'
type Rules = { forbidden: { name: string }[] }
const rules = createRequire(import.meta.url)(path.join(projectRoot, rulesFile)) as Rules

/**
 * Rule, the file that breaks it, what the file imports (a path in the tree, or a package), and the file that
 * it resolves to.
 */
const violations: [rule: string, file: string, specifier: string, leadsTo: string][] = [
  ['no-cycles', 'shared/lib/a.ts', './b.ts', 'shared/lib/b.ts'],
  ['no-unresolvable', 'agent/lost.ts', './nowhere.ts', './nowhere.ts'],
  ['shared-imports-only-itself', 'shared/x1.ts', '../main/any.ts', 'main/any.ts'],
  ['agent-imports-only-shared', 'agent/x1.ts', '../main/any.ts', 'main/any.ts'],
  ['renderer-imports-only-shared', 'renderer/x1.ts', '../agent/any.ts', 'agent/any.ts'],
  ['main-imports-only-shared', 'main/x1.ts', '../build/any.ts', 'build/any.ts'],
  ['shared-is-pure', 'shared/x2.ts', 'node:fs', 'fs'],
  ['shared-is-pure', 'shared/x3.ts', 'fastify', 'node_modules/fastify/index.js'],
  [
    'shared-node-imports-only-core-modules',
    'shared/node/x1.ts',
    'fastify',
    'node_modules/fastify/index.js',
  ],
  ['shared-imports-only-itself', 'shared/node/x2.ts', '../../main/any.ts', 'main/any.ts'],
  ['shared-node-stays-in-node', 'shared/domain/x1.ts', '../node/any.ts', 'shared/node/any.ts'],
  ['shared-node-stays-in-node', 'renderer/x3.ts', '#shared/node/any.ts', 'shared/node/any.ts'],
  ['shared-node-stays-in-node', 'main/preload/x1.ts', '#shared/node/any.ts', 'shared/node/any.ts'],
  ['renderer-has-no-node', 'renderer/x2.ts', 'node:path', 'path'],
  [
    'electron-in-desktop-only',
    'main/controller/base/x2.ts',
    'electron',
    'node_modules/electron/index.js',
  ],
  [
    'electron-in-desktop-only',
    'agent/x2.ts',
    'electron-store',
    'node_modules/electron-store/index.js',
  ],
  [
    'controller-knows-no-desktop',
    'main/controller/base/x3.ts',
    '../../desktop/any.ts',
    'main/desktop/any.ts',
  ],
  ['controller-knows-no-desktop', 'main/headless.ts', './desktop/any.ts', 'main/desktop/any.ts'],
  [
    'controller-has-one-door',
    'main/desktop/x1.ts',
    '../controller/base/any.ts',
    'main/controller/base/any.ts',
  ],
  [
    'controller-rooms-are-listed',
    'main/controller/forgotten/x1.ts',
    '../base/any.ts',
    'main/controller/base/any.ts',
  ],
  [
    'base-knows-no-other-room',
    'main/controller/base/x1.ts',
    '../store/any.ts',
    'main/controller/store/any.ts',
  ],
  [
    'the-store-knows-no-slice',
    'main/controller/store/x1.ts',
    '../slices/devices/index.ts',
    'main/controller/slices/devices/index.ts',
  ],
  [
    'slices-have-one-door',
    'main/controller/slices/groups/x2.ts',
    '../devices/tables/index.ts',
    'main/controller/slices/devices/tables/index.ts',
  ],
  [
    'slices-have-one-door',
    'main/controller/slices/groups/x1.ts',
    '../devices/presence.ts',
    'main/controller/slices/devices/presence.ts',
  ],
  [
    'slices-are-entered-by-index',
    'main/controller/edges/agents/x1.ts',
    '../../slices/devices/presence.ts',
    'main/controller/slices/devices/presence.ts',
  ],
  [
    'slices-know-no-edge',
    'main/controller/slices/audit/x1.ts',
    '../../edges/consoles/any.ts',
    'main/controller/edges/consoles/any.ts',
  ],
  [
    'tables-belong-to-repositories',
    'main/controller/slices/users/x1.ts',
    'drizzle-orm',
    'node_modules/drizzle-orm/index.js',
  ],
  [
    'tables-belong-to-repositories',
    'main/controller/slices/users/x2.ts',
    '../../store/schema/any.ts',
    'main/controller/store/schema/any.ts',
  ],
  [
    'foreign-files-are-read-in-the-worker',
    'main/controller/slices/software/x1.ts',
    '../inspection/readers/any.ts',
    'main/controller/slices/inspection/readers/any.ts',
  ],
  [
    'foreign-files-are-read-in-the-worker',
    'main/controller/slices/inspection/index.ts',
    './worker-loop.ts',
    'main/controller/slices/inspection/worker-loop.ts',
  ],
  [
    'foreign-files-are-read-in-the-worker',
    'main/controller/slices/software/x2.ts',
    '#shared/domain/portable-executable.ts',
    'shared/domain/portable-executable.ts',
  ],
  [
    'foreign-files-are-read-in-the-worker',
    'main/controller/slices/software/x4.ts',
    '#shared/node/xz.ts',
    'shared/node/xz.ts',
  ],
  [
    'foreign-files-are-read-in-the-worker',
    'main/controller/slices/software/x3.ts',
    'yauzl',
    'node_modules/yauzl/index.js',
  ],
  [
    'slow-to-load-is-loaded-late',
    'main/controller/compose/x4.ts',
    '../edges/consoles/docs.ts',
    'main/controller/edges/consoles/docs.ts',
  ],
  [
    'slow-to-load-has-one-place',
    'main/controller/base/x5.ts',
    '@fastify/swagger',
    'node_modules/@fastify/swagger/index.js',
  ],
  [
    'renderer-transport-in-api',
    'renderer/state/x1.ts',
    'socket.io-client',
    'node_modules/socket.io-client/index.js',
  ],
  ['components-do-not-call-the-api', 'renderer/ui/X1.vue', '../api/any.ts', 'renderer/api/any.ts'],
  ['ui-knows-no-feature', 'renderer/ui/x1.ts', '../state/any.ts', 'renderer/state/any.ts'],
  [
    'features-have-doors',
    'renderer/features/groups/x1.ts',
    '../devices/any.ts',
    'renderer/features/devices/any.ts',
  ],
  [
    'the-app-enters-features-by-their-doors',
    'renderer/app/x1.ts',
    '../features/devices/any.ts',
    'renderer/features/devices/any.ts',
  ],
  [
    'what-features-share-knows-none',
    'renderer/state/x2.ts',
    '../features/devices/index.ts',
    'renderer/features/devices/index.ts',
  ],
  [
    'features-know-no-app',
    'renderer/features/groups/x2.ts',
    '../../app/any.ts',
    'renderer/app/any.ts',
  ],
]

/** Imports that the same rules allow. */
const lawful: [file: string, specifier: string][] = [
  ['shared/y1.ts', 'zod'],
  ['shared/node/y1.ts', 'node:dgram'],
  ['shared/node/y2.ts', '../domain/portable-executable.ts'],
  ['agent/y1.ts', '#shared/any.ts'],
  ['agent/y2.ts', '#shared/node/any.ts'],
  ['main/y1.ts', '#shared/node/any.ts'],
  ['renderer/y1.ts', '#shared/any.ts'],
  ['renderer/api/y1.ts', 'socket.io-client'],
  ['renderer/state/y1.ts', '../api/any.ts'],
  ['renderer/features/groups/y1.ts', '../devices/index.ts'],
  ['renderer/features/groups/y2.ts', './any.ts'],
  ['renderer/app/y1.ts', '../features/groups/parts.ts'],
  ['renderer/app/y2.ts', '../features/groups/AnyPage.vue'],
  ['main/desktop/y1.ts', 'electron'],
  ['main/desktop/y2.ts', '../controller/compose/index.ts'],
  ['main/controller/slices/groups/y1.ts', '../devices/index.ts'],
  ['main/controller/slices/groups/groups.repo.ts', '../../store/schema/any.ts'],
  ['main/controller/edges/consoles/docs.ts', '@fastify/swagger'],
  ['main/controller/edges/agents/y1.ts', '../../slices/devices/index.ts'],
  ['main/controller/slices/inspection/worker.ts', './worker-loop.ts'],
  ['main/controller/slices/inspection/readers/y1.ts', 'yauzl'],
  ['build/y1.ts', '../main/any.ts'],
]

const packages = [
  'zod',
  'fastify',
  '@fastify/swagger',
  'electron',
  'electron-store',
  'drizzle-orm',
  'socket.io-client',
  'yauzl',
]
const bystanders = [
  'shared/any.ts',
  'shared/node/any.ts',
  'shared/node/xz.ts',
  'main/any.ts',
  'agent/any.ts',
  'build/any.ts',
  'main/desktop/any.ts',
  'main/controller/base/any.ts',
  'main/controller/store/any.ts',
  'main/controller/compose/index.ts',
  'main/controller/slices/devices/index.ts',
  'main/controller/slices/devices/presence.ts',
  'main/controller/slices/devices/tables/index.ts',
  'main/controller/edges/consoles/any.ts',
  'main/controller/slices/inspection/readers/any.ts',
  'main/controller/slices/inspection/worker-loop.ts',
  'shared/domain/portable-executable.ts',
  'main/controller/store/schema/any.ts',
  'renderer/api/any.ts',
  'renderer/app/any.ts',
  'renderer/state/any.ts',
  'renderer/features/devices/any.ts',
  'renderer/features/devices/index.ts',
  'renderer/features/groups/any.ts',
  'renderer/features/groups/parts.ts',
  'renderer/features/groups/AnyPage.vue',
]

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
async function plant(copied: string[], files: Record<string, string>): Promise<string> {
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
    for (const name of bystanders) files[name] = 'export const any = 1\n'
    for (const [file, specifier] of [...violations.map((v) => [v[1], v[2]] as const), ...lawful]) {
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
    const root = await plant([rulesFile, 'tsconfig.node.json', 'tsconfig.base.json'], files)
    const cli = path.join(projectRoot, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs')
    const houses = ['main', 'renderer', 'agent', 'shared', 'build', 'e2e', 'bench']
    const args = [cli, ...houses, '--config', rulesFile, '--output-type', 'json']
    const result = await run(process.execPath, args, { cwd: root, timeoutMs: LIMIT_MS })
    const report = JSON.parse(result.stdout) as { summary: { violations: Violation[] } }
    found = report.summary.violations
  }, LIMIT_MS)

  it.each(violations)('%s: %s may not import %s', (rule, file, _specifier, leadsTo) => {
    const fired = found.filter(({ from, to }) => from === file && to === leadsTo)
    expect(fired.map((violation) => violation.rule.name)).toContain(rule)
  })

  it('allow valid imports', () => {
    const files = new Set<string>([...lawful.map(([file]) => file), ...bystanders])
    files.add('main/controller/compose/y1.ts')
    expect(found.filter(({ from }) => files.has(from))).toEqual([])
  })

  it('are all covered by the cases above', () => {
    const seen = new Set(violations.map(([rule]) => rule))
    expect([...seen].sort()).toEqual(rules.forbidden.map(({ name }) => name).sort())
  })
})

const seeds: [rule: string, file: string, text: string][] = [
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
  ['no-restricted-imports', 'main/i.ts', "import { ipcMain } from 'electron'\nvoid ipcMain"],
  ['max-lines', 'main/j.ts', 'export {}\n'.repeat(401)],
  [
    'vue/no-v-html',
    'renderer/K.vue',
    '<script setup lang="ts">\nconst text = "<b>"\n</script>\n<template><p v-html="text" /></template>',
  ],
  [
    'vue/no-bare-strings-in-template',
    'renderer/features/dashboard/Text.vue',
    '<script setup lang="ts"></script>\n<template><p>Running now</p></template>',
  ],
  [
    'vue/no-bare-strings-in-template',
    'renderer/features/dashboard/Attribute.vue',
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
    const files = Object.fromEntries(seeds.map(([, file, text]) => [file, `${text}\n`]))
    const rule = 'build/eslint-rules/no-unbounded-regex.ts'
    root = await plant(['eslint.config.js', rule, ...configs], {
      ...files,
      'package.json': '{ "type": "module" }',
      'main/lawful.ts': 'export const one = 1\n',
    })
    const cli = path.join(projectRoot, 'node_modules/eslint/bin/eslint.js')
    const args = [cli, '.', '--format', 'json']
    const result = await run(process.execPath, args, { cwd: root, timeoutMs: LIMIT_MS })
    reports = JSON.parse(result.stdout) as FileReport[]
  }, LIMIT_MS)

  const messagesOf = (file: string) =>
    reports.find(({ filePath }) => filePath === path.join(root, file))?.messages

  it.each(seeds)('%s refuses %s', (rule, file) => {
    const errors = messagesOf(file)?.filter(({ severity }) => severity === 2)
    expect(errors?.map(({ ruleId }) => ruleId)).toContain(rule)
  })

  it('accept a valid file', () => {
    expect(messagesOf('main/lawful.ts')).toEqual([])
  })
})
