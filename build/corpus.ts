/**
 * `npm run corpus -- DIR`: reads every installer that DIR/manifest.json describes, and counts per field how often the result is
 * right, absent or wrong. Exit code 1 if something is wrong.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { z } from 'zod'
import { systemClock } from '#shared/node/clock.ts'
import { kindOfFileName } from '#shared/domain/platforms.ts'
import { createInspection, type PackageFacts } from '../main/controller/slices/inspection/index.ts'
import { commandLineWithNames } from './support/command-line.ts'
import { compare, FIELDS, TrueFacts, type Comparison } from './corpus/compare.ts'

const HELP = `What the readers know about installers whose facts are known.

Usage: npm run corpus -- DIR [MORE...] [--json] [--verbose]

  DIR        holds manifest.json, and the files in it or below it
  MORE       other folders with files of the manifest
  --verbose  every field of every file, not only what is absent or wrong
  --json     one line of JSON at the end: the counts, and every field of every file
`

type Result = { file: string; comparison: Comparison | null }

/** The paths of all files below these folders, by name. */
function filesBelow(folders: readonly string[]): Map<string, string> {
  const found = new Map<string, string>()
  for (const folder of folders)
    for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }))
      found.set(path.basename(name), path.join(folder, name))
  return found
}

async function look(
  inspection: ReturnType<typeof createInspection>,
  filePath: string,
): Promise<{ facts: PackageFacts | null; why: string }> {
  const fileName = path.basename(filePath)
  const kind = kindOfFileName(fileName)
  if (!kind) return { facts: null, why: 'no kind of file that can be deployed' }
  try {
    return { facts: await inspection.inspect({ path: filePath, fileName, kind }, ''), why: '' }
  } catch (error) {
    return { facts: null, why: error instanceof Error ? error.message : String(error) }
  }
}

function print(results: readonly Result[], isVerbose: boolean): void {
  for (const { file, comparison } of results)
    for (const field of FIELDS) {
      const one = comparison?.[field]
      if (!one || (one.verdict === 'right' && !isVerbose)) continue
      process.stdout.write(`${one.verdict.padEnd(7)} ${field.padEnd(13)} ${file}: ${one.found}\n`)
    }
  process.stdout.write(`\n${'field'.padEnd(14)}right  absent  wrong\n`)
  for (const [field, { right, absent, wrong }] of Object.entries(countsOf(results)))
    process.stdout.write(
      `${field.padEnd(14)}${String(right).padStart(5)}${String(absent).padStart(8)}${String(wrong).padStart(7)}\n`,
    )
}

function countsOf(results: readonly Result[]) {
  const counts = { right: 0, absent: 0, wrong: 0 }
  const perField = Object.fromEntries(FIELDS.map((field) => [field, { ...counts }]))
  for (const { comparison } of results)
    for (const field of FIELDS) {
      const verdict = comparison?.[field]?.verdict
      if (verdict) perField[field]![verdict]++
    }
  return perField
}

const { values, positionals } = commandLineWithNames(HELP, {
  json: { type: 'boolean', default: false },
  verbose: { type: 'boolean', default: false },
})
const [folder] = positionals
const manifest = folder && path.join(folder, 'manifest.json')
if (!manifest || !existsSync(manifest)) {
  process.stderr.write(manifest ? `There is no ${manifest}.\n` : HELP)
  process.exitCode = 2
} else {
  const rows = z.array(TrueFacts).parse(JSON.parse(readFileSync(manifest, 'utf8')))
  const files = filesBelow(positionals)
  const inspection = createInspection({
    workersDir: null,
    clock: systemClock,
    log: { error: (what: object) => process.stderr.write(`${JSON.stringify(what)}\n`) },
  })
  const results: Result[] = []
  for (const truth of rows) {
    const filePath = files.get(truth.file)
    if (!filePath) {
      process.stderr.write(`${truth.file} is not there and was left out.\n`)
      continue
    }
    const { facts, why } = await look(inspection, filePath)
    const isOtherKind = kindOfFileName(truth.file) === null && !truth.bad
    results.push({ file: truth.file, comparison: isOtherKind ? null : compare(truth, facts, why) })
  }
  await inspection.stop()
  print(results, values.verbose)
  const counts = countsOf(results)
  if (values.json) process.stdout.write(`${JSON.stringify({ counts, results })}\n`)
  if (Object.values(counts).some(({ wrong }) => wrong > 0)) process.exitCode = 1
}
