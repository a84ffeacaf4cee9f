/**
 * Parses every JavaScript file below a folder with V8, without running it, and prints what does not parse as JSON.
 * Run it with `--experimental-vm-modules`; see ../parse-check.ts.
 */
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { Script, SourceTextModule } from 'node:vm'

const folder = process.argv[2]!
/** Files of other projects that pages load as scripts, and CommonJS. */
const isScript = (file: string): boolean =>
  file.endsWith('.cjs') || file.split(path.sep).includes('static')

function problemOf(file: string): string | null {
  const text = readFileSync(path.join(folder, file), 'utf8')
  try {
    if (isScript(file)) new Script(`(function () {${text}\n})`, { filename: file })
    else new SourceTextModule(text, { identifier: file })
    return null
  } catch (error) {
    return `${file}: ${error instanceof Error ? error.message : String(error)}`
  }
}

const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((file) => /\.[cm]?js$/.test(file))
  .sort()
const problems = files.map(problemOf).filter((problem) => problem !== null)
process.stdout.write(JSON.stringify(problems))
