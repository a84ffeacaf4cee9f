/**
 * The readers of installers with damaged files: every sample cut at each byte, then mutations of all of them until the time is over.
 * No file may crash a reader, keep it busy for longer than its limit, or make it use more memory than its limit.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { AppError } from '#shared/contract/errors.ts'
import { InstallerKnowledge } from '#shared/contract/rest/installer-knowledge.ts'
import { kindOfFileName } from '#shared/domain/platforms.ts'
import { openInspector } from '../../main/controller/test-kit/inspector.ts'
import { randomFrom } from '../random.ts'
import { mutated } from './mutate.ts'
import { installerBeside, subjects, type Subject } from './subjects.ts'

const ANSWER_LIMIT_MS = 5_000
const MEMORY_LIMIT_MIB = 256
/** The limit of the product is wall clock, which says little on a busy machine: here CPU time counts, and this ends what hangs. */
const HANG_MS = 30_000
/** Of each kind. */
const KEPT_EXAMPLES = 5

export type ReaderFinding = 'crash' | 'slow' | 'memory' | 'invalid' | 'claimed_complete'
export type ReadersReport = {
  seed: number
  seconds: number
  subjects: number
  /** Bytes at which a sample was cut. */
  cuts: number
  mutations: number
  refused: number
  findings: Record<ReaderFinding, number>
  examples: { finding: ReaderFinding; subject: string; how: string; what: string }[]
  /** CPU time of the slowest answer, and what it was. */
  slowest: { ms: number; subject: string; how: string }
  /** What the process used for one file at most. Over many files it grows further, as it keeps freed memory. */
  peakMiB: number
  /** How often each message was given, with its numbers left out. */
  messages: Record<string, number>
}

/** Without its trailer it is another image, which is complete as well. */
const isWhole = (subject: string, bytes: Buffer): boolean =>
  subject === 'koly-hfs.dmg' && bytes.length === 5 * 4096

/** Cuts within a long run of one byte are all the same. */
const RUN_BYTES = 32
const isWithinRun = (bytes: Buffer, at: number): boolean =>
  at > RUN_BYTES &&
  at + RUN_BYTES < bytes.length &&
  bytes.subarray(at - RUN_BYTES, at + RUN_BYTES).every((byte) => byte === bytes[at])

const mib = (bytes: number): number => Math.round(bytes / 1024 ** 2)
const withoutNumbers = (message: string): string => message.replaceAll(/\d+/g, 'N').slice(0, 200)
/** The most that this process has used so far. */
const highestBytes = (): number => process.resourceUsage().maxRSS * 1024
const cpuMs = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}

export async function readers(options: {
  seconds: number
  seed: number
  /** 1: every byte. */
  cutStep: number
  /** Where files that were found are kept. */
  folder?: string
  onTick?: (report: ReadersReport) => void
}): Promise<ReadersReport> {
  const all = await subjects()
  const random = randomFrom(options.seed)
  const inspector = openInspector({ limits: { timeMs: HANG_MS } })
  const report: ReadersReport = {
    seed: options.seed,
    seconds: options.seconds,
    subjects: all.length,
    cuts: 0,
    mutations: 0,
    refused: 0,
    findings: { crash: 0, slow: 0, memory: 0, invalid: 0, claimed_complete: 0 },
    examples: [],
    slowest: { ms: 0, subject: '', how: '' },
    peakMiB: 0,
    messages: {},
  }

  const installers = new Map<string, string>()
  /** The installer stays the same, only its manifests change. */
  function lookBeside(fileName: string, names: readonly string[], texts: string) {
    let path = installers.get(fileName)
    if (path === undefined) {
      path = join(inspector.folder, `beside-${fileName}`)
      writeFileSync(path, installerBeside(fileName))
      installers.set(fileName, path)
    }
    const parts = texts.split('\0')
    const files = names.map((name, i) => ({ name, text: parts[i] ?? '' }))
    const kind = kindOfFileName(fileName)!
    return inspector.inspection.inspect(
      { path, fileName, kind, manifests: { files, sha256: '0'.repeat(64) } },
      'test',
    )
  }

  /** One answer, and what is wrong with it. */
  async function look(
    { file, manifests }: Subject,
    bytes: Buffer,
    isCut: boolean,
  ): Promise<{ ms: number; wrong: [ReaderFinding, string] | null }> {
    const beganMs = cpuMs()
    const faults = inspector.faults.length
    const once = () =>
      (manifests
        ? lookBeside(file, manifests, bytes.toString('utf8'))
        : inspector.look(file, bytes)
      ).catch((error: unknown) => error)
    let answer = await once()
    // A busy machine, not the file.
    if (answer instanceof Error && /worker did not start/.test(answer.message))
      answer = await once()
    const ms = cpuMs() - beganMs
    const wrong = (): [ReaderFinding, string] | null => {
      if (inspector.faults.length > faults)
        return ['crash', JSON.stringify(inspector.faults.at(-1)).slice(0, 500)]
      if (answer instanceof AppError) {
        const { message } = answer
        report.refused++
        const kind = withoutNumbers(message)
        report.messages[kind] = (report.messages[kind] ?? 0) + 1
        if (/more than [\d.]+ s\b/.test(message)) return ['slow', message]
        if (/MiB of memory/.test(message) && bytes.length < 1024 ** 2) return ['memory', message]
        return null
      }
      if (answer instanceof Error) return ['crash', answer.stack ?? answer.message]
      const { knowledge } = answer as { knowledge?: unknown }
      const parsed = InstallerKnowledge.nullish().safeParse(knowledge)
      if (!parsed.success) return ['invalid', parsed.error.message.slice(0, 300)]
      if (isCut && parsed.data?.complete === true)
        return ['claimed_complete', parsed.data.technology ?? '']
      return ms > ANSWER_LIMIT_MS ? ['slow', `${Math.round(ms)} ms of CPU time`] : null
    }
    return { ms, wrong: wrong() }
  }

  async function damage(
    subject: Subject,
    inner: Buffer,
    how: string,
    isCut = false,
  ): Promise<void> {
    const bytes = subject.pack ? await subject.pack(inner) : inner
    const before = { bytes: process.memoryUsage.rss(), highest: highestBytes() }
    const found = await look(subject, bytes, isCut && !subject.manifests)
    // Any file that needs more than all before it is seen here.
    const usedMiB = highestBytes() > before.highest ? mib(highestBytes() - before.bytes) : 0
    report.peakMiB = Math.max(report.peakMiB, usedMiB)
    if (usedMiB > MEMORY_LIMIT_MIB) found.wrong ??= ['memory', `${usedMiB} MiB`]
    if (found.ms > report.slowest.ms)
      report.slowest = { ms: Math.round(found.ms), subject: subject.name, how }
    if (!found.wrong) return
    const [finding, what] = found.wrong
    report.findings[finding]++
    if (report.findings[finding] > KEPT_EXAMPLES) return
    const number = report.examples.length
    report.examples.push({ finding, subject: subject.name, how, what })
    if (options.folder === undefined) return
    mkdirSync(options.folder, { recursive: true })
    writeFileSync(join(options.folder, `${number}-${finding}-${subject.file}`), bytes)
  }

  try {
    let tickMs = performance.now()
    const tick = (): void => {
      if (performance.now() - tickMs < 10_000) return
      tickMs = performance.now()
      options.onTick?.(report)
    }
    const endMs = performance.now() + options.seconds * 1_000
    for (const subject of all.filter(({ pack }) => !pack))
      for (
        let at = Math.floor(random() * options.cutStep);
        at < subject.whole.length;
        at += options.cutStep
      ) {
        if (isWithinRun(subject.whole, at)) continue
        const bytes = subject.whole.subarray(0, at)
        await damage(subject, bytes, `cut at ${at}`, !isWhole(subject.name, bytes))
        report.cuts++
        tick()
      }
    while (performance.now() < endMs)
      for (const subject of all) {
        const { bytes, how } = mutated(subject.whole, random)
        await damage(subject, bytes, how)
        report.mutations++
        tick()
      }
    return report
  } finally {
    await inspector.close()
  }
}

/** Whether nothing was found. */
export const isSound = (report: ReadersReport): boolean =>
  Object.values(report.findings).every((count) => count === 0)

export function printReaders(report: ReadersReport): string {
  const { findings, slowest } = report
  const counts = Object.entries(findings).map(([name, count]) => `${name} ${count}`)
  return [
    `${report.subjects} subjects, ${report.cuts} cuts, ${report.mutations} mutations, ${report.refused} files refused (seed ${report.seed})`,
    `found: ${counts.join(', ')}`,
    `slowest answer: ${slowest.ms} ms of CPU time (${slowest.subject}: ${slowest.how})`,
    `most memory for one file: ${report.peakMiB} MiB`,
    ...report.examples.map((one) => `${one.finding}: ${one.subject}: ${one.how}: ${one.what}`),
    '',
  ].join('\n')
}
