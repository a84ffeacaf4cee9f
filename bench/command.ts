/**
 * The time of a tiny command from the order to its stored result, on 1, 8 and 20 real agents at the same time, and what it
 * costs each PC. Reference: the same script over kept ssh connections to as many sessions on this computer.
 */
import { readFileSync } from 'node:fs'
import { io } from 'socket.io-client'
import { CONSOLE_NAMESPACE } from '#shared/contract/feed.ts'
import type { DeploymentId, DeviceId, SoftwareId } from '#shared/domain/ids.ts'
import { until } from '#shared/test-kit/until.ts'
import { startSshReference, type SshReference } from './command-ssh.ts'
import { startCast, type Cast } from './crash-cast.ts'
import { median, printTable, type BenchTable } from './table.ts'

const AGENTS = 20
const SIZES = [1, 8, 20] as const
const SCRIPT = '#!/bin/sh\ntrue\n'
const LIMIT_MS = 120_000
/** USER_HZ, the unit in which Linux reports CPU time to programs: always 100. */
const MS_PER_TICK = 10

export type CommandFigures = {
  one_ms: number
  eight_ms: number
  twenty_ms: number
  /** Null: there is no sshd, and it cannot be installed. */
  reference_twenty_ms: number | null
  /** CPU time of an agent and what it starts, for one command. */
  agent_cpu_ms: number
}

/** CPU time of a process and of its ended children. */
function cpuMsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
  return [11, 12, 13, 14].reduce((sum, field) => sum + Number(fields[field]), 0) * MS_PER_TICK
}

function listen(cast: Cast) {
  const ends = new Map<DeploymentId, { status: string; ended_at: string | null }>()
  const feed = io(cast.console.url + CONSOLE_NAMESPACE, {
    auth: { token: cast.console.token },
    transports: ['websocket'],
  })
  feed.on(
    'deployment_completed',
    (end: { deployment_id: DeploymentId; status: string; ended_at: string }) =>
      ends.set(end.deployment_id, end),
  )
  return {
    until: (id: DeploymentId) =>
      until('the end of a deployment', () => ends.get(id), { limitMs: LIMIT_MS, intervalMs: 50 }),
    close: () => void feed.close(),
  }
}

/** Every agent is online and has reported its inventory, so that nothing else is going on. */
async function quietDevices(cast: Cast): Promise<DeviceId[]> {
  const isQuiet = async (id: DeviceId): Promise<boolean> =>
    (await cast.rest.raw('GET', `/devices/${id}/inventory`)).status === 200
  const { devices } = await until(
    'the agents',
    async () => {
      const list = await cast.rest.call('devices.list', {})
      return list.devices.filter((device) => device.online).length === AGENTS && list
    },
    { limitMs: LIMIT_MS, intervalMs: 500 },
  )
  for (const { id } of devices)
    await until('an inventory', () => isQuiet(id), { limitMs: LIMIT_MS, intervalMs: 500 })
  return devices.map(({ id }) => id)
}

async function upload(cast: Cast): Promise<SoftwareId> {
  const reply = await cast.rest.upload('/software', { name: 'true.sh', bytes: SCRIPT })
  return (reply.body as { id: SoftwareId }).id
}

type Sample = { ms: number; cpuMs: number }
type Order = (devices: DeviceId[]) => Promise<Sample>

function orderWith(cast: Cast, software: SoftwareId, feed: ReturnType<typeof listen>): Order {
  const cpuMs = (): number => cast.agents.reduce((sum, _, i) => sum + cpuMsOf(cast.pidOf(i)), 0)
  return async (devices) => {
    const before = cpuMs()
    const startedAt = Date.now()
    const { deployment_id: id } = await cast.rest.call('deployments.create', {
      body: { name: 'true', software_ids: [software], device_ids: devices },
    })
    const { status, ended_at } = await feed.until(id)
    if (status !== 'completed' || ended_at === null) throw new Error(`a deployment is ${status}`)
    const ms = Date.parse(ended_at) - startedAt
    return { ms, cpuMs: (cpuMs() - before) / devices.length }
  }
}

/** Medians for each size. The first run of each only warms up the caches. */
async function measure(order: Order, devices: DeviceId[], ssh: SshReference | null, runs: number) {
  const ours = new Map<number, Sample[]>()
  const theirs = new Map<number, number[]>()
  for (const size of SIZES) {
    const samples: Sample[] = []
    const references: number[] = []
    for (let run = 0; run <= runs; run++) {
      const sample = await order(devices.slice(0, size))
      const reference = ssh && (await ssh.runOn(size))
      if (run === 0) continue
      samples.push(sample)
      if (reference !== null) references.push(reference)
    }
    ours.set(size, samples)
    theirs.set(size, references)
  }
  const ms = (size: number): number => median(ours.get(size)!.map((sample) => sample.ms))
  // Ticks of 10 ms: only the mean of many commands means something.
  const costs = ours.get(AGENTS)!.map((sample) => sample.cpuMs)
  return {
    ms,
    referenceMs: (size: number): number => median(theirs.get(size)!),
    cpuMs: costs.reduce((sum, cost) => sum + cost, 0) / costs.length,
  }
}

const round = (n: number): number => Math.round(n * 10) / 10

/** Linux. @throws Error if a command fails */
export async function command(options: {
  runs: number
}): Promise<{ text: string; json: CommandFigures }> {
  const ssh = await startSshReference(AGENTS, SCRIPT)
  const cast = await startCast(AGENTS)
  const feed = listen(cast)
  try {
    const devices = await quietDevices(cast)
    const order = orderWith(cast, await upload(cast), feed)
    const { ms, referenceMs, cpuMs } = await measure(order, devices, ssh, options.runs)
    const json: CommandFigures = {
      one_ms: round(ms(1)),
      eight_ms: round(ms(8)),
      twenty_ms: round(ms(20)),
      reference_twenty_ms: ssh && round(referenceMs(20)),
      agent_cpu_ms: round(cpuMs),
    }
    const show = (n: number): string => (Number.isNaN(n) ? 'none' : `${n.toFixed(0)} ms`)
    const table: BenchTable = {
      title: `command: true.sh, from the order to the stored result, median of ${options.runs} runs`,
      reference: ssh ? 'the same script over kept ssh connections' : 'none: there is no sshd',
      rows: SIZES.map((size) => ({
        name: `${size} at the same time`,
        ours: show(ms(size)),
        reference: show(referenceMs(size)),
        ratio: ms(size) / referenceMs(size),
      })),
      notes: [
        `${json.agent_cpu_ms} ms of CPU for each command: the agent and what it starts`,
        'all agents, the controller and the reference share this computer',
      ],
    }
    return { text: printTable(table), json }
  } finally {
    feed.close()
    await cast.stop()
    await ssh?.stop()
  }
}
