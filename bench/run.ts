/** `npm run bench -- [NAME] [--json] [options]`: runs each benchmark together with its reference. */
import { commandLineWithNames, refuseCommandLine } from '../build/support/command-line.ts'
import { agent } from './agent.ts'
import { agentDownload } from './agent-download.ts'
import { coldStart } from './cold-start.ts'
import { comeBack } from './come-back.ts'
import { command } from './command.ts'
import { crash, printCrashReport } from './crash.ts'
import { dispatch } from './dispatch.ts'
import { events } from './events.ts'
import { fuzz, isClean, printFuzzReport } from './fuzz.ts'
import { history } from './history/index.ts'
import { historyLine, printHistory } from './history/print.ts'
import { hubs } from './hubs.ts'
import { progress } from './progress.ts'
import { isSound, printReaders, readers } from './readers/index.ts'
import { serve } from './serve.ts'
import { targets } from './targets.ts'
import { printTable, type BenchTable } from './table.ts'
import { printUploads, uploads } from './uploads.ts'

const HELP = `Measures the product beside references, in the same run.

Usage: npm run bench -- [NAME...] [--agents N] [--targets N] [--runs N] [--seed N] [--seconds N] [--days N] [--mib N] [--json]

  NAME    agent, agent-download, cold-start, come-back, command, crash, dispatch, events, fuzz, history, hub, progress,
          serve, targets, uploads; all of them without a name
  --json  one line of JSON for each
`

const { values, positionals } = commandLineWithNames(HELP, {
  json: { type: 'boolean', default: false },
  agents: { type: 'string', default: '500' },
  runs: { type: 'string', default: '5' },
  targets: { type: 'string' },
  seed: { type: 'string', default: '1' },
  seconds: { type: 'string', default: '60' },
  days: { type: 'string', default: '30' },
  mib: { type: 'string', default: '1024' },
})
const refuse = (why: string): never => refuseCommandLine(new Error(why), HELP)
type Result = BenchTable | { text: string; json: object }
const count = (text: string, max: number): number => {
  const n = Number(text)
  if (!Number.isInteger(n) || n < 1 || n > max)
    refuse(`expected a whole number from 1 to ${max}, not "${text}"`)
  return n
}
/** Each returns a table to print, or prints its own summary. */
const benches: Record<string, () => Result | Promise<Result>> = {
  dispatch: () => dispatch({ agents: count(values.agents, 10_000), runs: count(values.runs, 100) }),
  serve: () => serve(),
  hub: () => hubs({ agents: count(values.agents, 10_000) }),
  'come-back': () => comeBack({ agents: count(values.agents, 5_000) }),
  targets: () =>
    targets({ count: count(values.targets ?? '10000', 10_000), runs: count(values.runs, 100) }),
  events: () => events(),
  progress: () => progress({ targets: count(values.targets ?? '100000', 2_000_000) }),
  crash: async () => {
    const seed = count(values.seed, 2 ** 31)
    const report = await crash({
      runs: count(values.runs, 10_000),
      seed,
      onRun: ({ runs, completed, targets: n }) =>
        process.stderr.write(`run ${runs}: ${completed} of ${n} completed\n`),
    })
    if (report.lost + report.duplicated + report.stuck > 0) process.exitCode = 1
    return { text: printCrashReport(report), json: { ...report, seed } }
  },
  fuzz: async () => {
    const report = await fuzz({
      seconds: count(values.seconds, 86_400),
      seed: count(values.seed, 2 ** 31),
      onTick: ({ total, findings }) =>
        process.stderr.write(`${total} messages, found ${JSON.stringify(findings)}\n`),
    })
    if (!isClean(report)) process.exitCode = 1
    return { text: printFuzzReport(report), json: report }
  },
  readers: async () => {
    const report = await readers({
      seconds: count(values.seconds, 86_400),
      seed: count(values.seed, 2 ** 31),
      cutStep: 1,
      folder: 'test-results/readers',
      onTick: ({ cuts, mutations, findings }) =>
        process.stderr.write(
          `${cuts} cuts, ${mutations} mutations, found ${JSON.stringify(findings)}\n`,
        ),
    })
    if (!isSound(report)) process.exitCode = 1
    return { text: printReaders(report), json: report }
  },
  uploads: async () => {
    const report = await uploads()
    return { text: printUploads(report), json: report }
  },
  command: () => command({ runs: count(values.runs, 100) }),
  agent: () => agent({ runs: count(values.runs, 100), days: count(values.days, 400) }),
  'agent-download': () =>
    agentDownload({ mib: count(values.mib, 16_384), runs: count(values.runs, 100) }),
  history: async () => {
    const report = await history({
      size: {
        devices: 10_000,
        deployments: count(values.targets ?? '1000000', 10_000_000) / 10,
        targetsPerDeployment: 10,
        auditEntries: count(values.targets ?? '1000000', 10_000_000),
      },
      runs: count(values.runs, 8),
      idleSeconds: count(values.seconds, 3_600),
    })
    return { text: printHistory(report), json: historyLine(report) }
  },
  'cold-start': () => coldStart({ runs: count(values.runs, 100) }),
}

const names = positionals.length > 0 ? positionals : Object.keys(benches)
const unknown = names.find((name) => !Object.hasOwn(benches, name))
if (unknown) refuse(`there is no benchmark "${unknown}"`)
for (const name of names) {
  const result = await benches[name]!()
  if (values.json) console.log(JSON.stringify('text' in result ? result.json : result))
  else console.log('text' in result ? result.text : printTable(result))
}
process.exit()
