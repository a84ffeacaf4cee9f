/**
 * Crash runs: controller, agents and supervisors are killed with SIGKILL at random moments during
 * deployments, including right after something was written and before it is acted upon. The installer counts
 * its own runs on disk, so duplicates cannot go unnoticed.
 */
import { existsSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { DeviceId, SoftwareId } from '#shared/domain/ids.ts'
import { startCast, type Cast } from './crash-cast.ts'
import { randomFrom } from './random.ts'

const AGENTS = 3
const RUN_LIMIT_MS = 90_000
const KILL_WITHIN_MS = 2_500
const WATCH_LIMIT_MS = 1_500

export type CrashReport = {
  runs: number
  targets: number
  kills: { controller: number; agent: number; supervisor: number }
  completed: number
  /** Failed with the reason `interrupted`: the result is unknown and is reported as such. */
  interrupted: number
  /** Reported as completed although it never ran, or as something else although it is installed. */
  lost: number
  /** An attempt whose installer ran more than once. */
  duplicated: number
  /** Not finished within the limit. */
  stuck: number
  /** One line for each target that was not completed. */
  remarks: string[]
}

/** Waits until the file changes, because the process that wrote it is about to act. */
async function untilWritten(file: string): Promise<void> {
  const mark = () => {
    const stat = existsSync(file) ? statSync(file) : null
    return stat ? `${stat.size}/${stat.mtimeMs}` : ''
  }
  const before = mark()
  const endAt = Date.now() + WATCH_LIMIT_MS
  while (Date.now() < endAt && mark() === before) await sleep(1)
}

const packages = (i: number) => `/opt/crash-${i}`
const script = (i: number, seconds: string) =>
  [
    '#!/bin/sh',
    'echo "$DEPLOYX_TARGET_ID/$DEPLOYX_ATTEMPT" >> "$DEPLOYX_INSTALL_ROOT/runs"',
    'echo working',
    `sleep ${seconds}`,
    'mkdir -p "$DEPLOYX_INSTALL_ROOT/opt"',
    `echo done > "$DEPLOYX_INSTALL_ROOT${packages(i)}"`,
    '',
  ].join('\n')

async function prepare(cast: Cast): Promise<{ software: SoftwareId[]; devices: DeviceId[] }> {
  const software: SoftwareId[] = []
  for (const [i, seconds] of ['0.2', '0.6'].entries()) {
    const reply = await cast.rest.upload(
      '/software',
      { name: `crash-${i}.sh`, bytes: script(i, seconds) },
      { detection: JSON.stringify({ type: 'file', path: packages(i) }) },
    )
    software.push((reply.body as { id: SoftwareId }).id)
  }
  for (const endAt = Date.now() + 60_000; Date.now() < endAt; await sleep(100)) {
    const { devices } = await cast.rest.call('devices.list', {})
    if (devices.filter((d) => d.online).length === AGENTS)
      return { software, devices: devices.map((d) => d.id) }
  }
  throw new Error('the agents did not come online')
}

/** One kill at a random moment, and the restart after it. */
async function strike(cast: Cast, random: () => number, report: CrashReport): Promise<void> {
  await sleep(random() * KILL_WITHIN_MS)
  const i = Math.floor(random() * AGENTS)
  const atWrite = random() < 0.5
  const downMs = random() * 1_000
  const kind = random()
  if (kind < 0.4) {
    if (atWrite) await untilWritten(cast.databaseLog)
    await cast.killController()
    report.kills.controller++
    await sleep(downMs)
    await cast.startController()
  } else if (kind < 0.8) {
    if (atWrite) await untilWritten(cast.journalOf(i))
    await cast.killAgent(i)
    report.kills.agent++
    await sleep(downMs)
    cast.startAgent(i)
  } else if (cast.killSupervisor(i)) report.kills.supervisor++
}

async function oneRun(
  cast: Cast,
  chosen: { software: SoftwareId[]; devices: DeviceId[] },
  run: number,
  random: () => number,
  report: CrashReport,
): Promise<void> {
  for (const agent of cast.agents)
    rmSync(join(agent.rootDir, 'opt'), { recursive: true, force: true })
  const { deployment_id: id } = await cast.rest.call('deployments.create', {
    body: { name: `crash ${run}`, software_ids: chosen.software, device_ids: chosen.devices },
  })
  const strikes = 1 + Math.floor(random() * 2)
  for (let i = 0; i < strikes; i++) await strike(cast, random, report)

  const endAt = Date.now() + RUN_LIMIT_MS
  let progress = await cast.rest.call('deployments.progress', { params: { id } })
  while (['pending', 'in_progress'].includes(progress.status) && Date.now() < endAt) {
    await sleep(100)
    progress = await cast.rest.call('deployments.progress', { params: { id } })
  }
  for (const target of progress.targets) {
    report.targets++
    const i = cast.agents.findIndex((agent) => agent.name === target.device_name)
    const ran = cast.runsOf(i).get(`${target.id}/${target.attempt}`) ?? 0
    const position = chosen.software.indexOf(target.software_id)
    const packageExists = existsSync(join(cast.agents[i]!.rootDir, packages(position)))
    const { deployment_status: status, reason } = target
    const remark = (what: string) =>
      report.remarks.push(
        `run ${run}, target ${target.id}: ${what} (${status}${reason ? `, ${reason}` : ''}; ran ${ran} times; ${target.result_message ?? ''})`,
      )
    if (ran > 1) {
      report.duplicated++
      remark('duplicated')
    }
    if (status === 'completed') {
      if (ran === 0 || !packageExists) {
        report.lost++
        remark('lost')
      } else report.completed++
    } else if (!['failed', 'skipped'].includes(status)) {
      report.stuck++
      remark('stuck')
    } else if (packageExists) {
      report.lost++
      remark('lost')
    } else {
      if (reason === 'interrupted') report.interrupted++
      remark('not completed')
    }
  }
}

/** @param seed the same seed kills the same processes at about the same moments */
export async function crash(options: {
  runs: number
  seed: number
  onRun?: (report: CrashReport) => void
}): Promise<CrashReport> {
  const report: CrashReport = {
    runs: 0,
    targets: 0,
    kills: { controller: 0, agent: 0, supervisor: 0 },
    completed: 0,
    interrupted: 0,
    lost: 0,
    duplicated: 0,
    stuck: 0,
    remarks: [],
  }
  const random = randomFrom(options.seed)
  const cast = await startCast(AGENTS)
  try {
    const chosen = await prepare(cast)
    for (let run = 1; run <= options.runs; run++) {
      await oneRun(cast, chosen, run, random, report)
      report.runs = run
      options.onRun?.(report)
    }
    return report
  } finally {
    await cast.stop()
  }
}

export function printCrashReport(report: CrashReport): string {
  const { kills } = report
  return [
    `crash: ${report.runs} runs, ${report.targets} targets; killed: controller ${kills.controller}, agent ${kills.agent}, supervisor ${kills.supervisor}`,
    `completed ${report.completed}, interrupted ${report.interrupted}, lost ${report.lost}, duplicated ${report.duplicated}, stuck ${report.stuck}`,
    ...report.remarks,
  ].join('\n')
}
