/** `npm run bench -- [NAME] [--json] [options]`: each benchmark beside its reference, in one run. */
import { parseArgs } from 'node:util'
import { coldStart } from './cold-start.ts'
import { dispatch } from './dispatch.ts'
import { events } from './events.ts'
import { hubs } from './hubs.ts'
import { progress } from './progress.ts'
import { serve } from './serve.ts'
import { targets } from './targets.ts'
import { printTable, type BenchTable } from './table.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    agents: { type: 'string', default: '500' },
    runs: { type: 'string', default: '5' },
    targets: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  },
})
const count = (text: string, max: number): number => {
  const n = Number(text)
  if (!Number.isInteger(n) || n < 1 || n > max)
    usage(`a whole number from 1 to ${max} is wanted, not "${text}"`)
  return n
}
const benches: Record<string, () => BenchTable | Promise<BenchTable>> = {
  dispatch: () => dispatch({ agents: count(values.agents, 10_000), runs: count(values.runs, 100) }),
  serve: () => serve(),
  hub: () => hubs({ agents: count(values.agents, 10_000) }),
  targets: () =>
    targets({ count: count(values.targets ?? '10000', 10_000), runs: count(values.runs, 100) }),
  events: () => events(),
  progress: () => progress({ targets: count(values.targets ?? '100000', 2_000_000) }),
  'cold-start': () => coldStart({ runs: count(values.runs, 100) }),
}

function usage(error?: string): never {
  const text = `Usage: npm run bench -- [${Object.keys(benches).join(' | ')}] [--agents N] [--targets N] [--runs N] [--json]`
  console.error(error ? `bench: ${error}\n${text}` : text)
  process.exit(error ? 2 : 0)
}

if (values.help) usage()
const names = positionals.length > 0 ? positionals : Object.keys(benches)
const unknown = names.find((name) => !Object.hasOwn(benches, name))
if (unknown) usage(`there is no benchmark "${unknown}"`)
for (const name of names) {
  const table = await benches[name]!()
  console.log(values.json ? JSON.stringify(table) : printTable(table))
}
process.exit(0)
