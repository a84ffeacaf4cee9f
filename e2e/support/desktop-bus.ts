/**
 * A test desktop on a private message bus: a tray and a notification server that record what they receive and
 * can be clicked. The bus starts no services, so that nothing installed on this computer receives the
 * notifications.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { z } from 'zod'
import { until } from '#shared/test-kit/until.ts'
import { endProcess } from './processes.ts'

const START_LIMIT_MS = 45_000

const TrayFacts = z.object({
  event: z.literal('tray'),
  tooltip: z.string(),
  status: z.string(),
  /** Identifies the picture. */
  icon: z.string(),
  sizes: z.array(z.tuple([z.number(), z.number()])),
  menu: z.array(z.object({ label: z.string(), enabled: z.boolean(), separator: z.boolean() })),
})
export type TrayFacts = z.infer<typeof TrayFacts>
const NotificationFacts = z.object({
  event: z.literal('notification'),
  id: z.number(),
  app: z.string(),
  summary: z.string(),
  body: z.string(),
  actions: z.array(z.string()),
})
export type NotificationFacts = z.infer<typeof NotificationFacts>
const ProbeEvent = z.discriminatedUnion('event', [
  TrayFacts,
  NotificationFacts,
  z.object({ event: z.literal('ready') }),
  z.object({ event: z.literal('tray-gone') }),
  z.object({ event: z.literal('error'), command: z.string(), message: z.string() }),
])
type ProbeEvent = z.infer<typeof ProbeEvent>

export type DesktopBus = Awaited<ReturnType<typeof openDesktopBus>>

/** @param folder for the socket; short, because socket paths are limited to 107 bytes */
export async function openDesktopBus(folder: string, options: { tray?: boolean } = {}) {
  const config = join(folder, 'bus.conf')
  await writeFile(config, busConfig(folder))
  const bus = spawn('dbus-daemon', ['--nofork', '--print-address=1', `--config-file=${config}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const address = await firstLine(bus)
  const env = { DBUS_SESSION_BUS_ADDRESS: address, DBUS_SYSTEM_BUS_ADDRESS: address }
  const events: ProbeEvent[] = []
  let probe: ChildProcess | null = null

  async function startProbe(): Promise<void> {
    const started = spawn('/usr/bin/python3', [join(import.meta.dirname, 'desktop_probe.py')], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, ...env },
    })
    createInterface({ input: started.stdout }).on('line', (line) =>
      events.push(ProbeEvent.parse(JSON.parse(line))),
    )
    probe = started
    await until('the probe is ready', () => events.some((e) => e.event === 'ready'), {
      limitMs: START_LIMIT_MS,
    })
  }
  if (options.tray ?? true) await startProbe()

  function command(what: object): void {
    if (!probe?.stdin) throw new Error('this desktop has no tray')
    probe.stdin.write(`${JSON.stringify(what)}\n`)
  }

  return {
    /** To merge into the environment of programs that should run on this desktop. */
    env,
    /** What the tray shows now; null if there is no icon. */
    tray(): TrayFacts | null {
      const last = events.findLast((e) => e.event === 'tray' || e.event === 'tray-gone')
      return last?.event === 'tray' ? last : null
    },
    notifications: (): NotificationFacts[] => events.filter((e) => e.event === 'notification'),
    /** Commands that failed, and failed reads of the tray, each with its message. */
    errors: (): string[] =>
      events.flatMap((e) => (e.event === 'error' ? [`${e.command}: ${e.message}`] : [])),
    clickTray: (): void => command({ do: 'activate' }),
    clickMenu: (label: string): void => command({ do: 'menu', label }),
    clickNotification: (id: number): void => command({ do: 'click-notification', id }),
    async close(): Promise<void> {
      if (probe) await endProcess(probe)
      await endProcess(bus)
    },
  }
}

const busConfig = (folder: string): string => `<busconfig>
  <type>session</type>
  <listen>unix:dir=${folder}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
`

async function firstLine(child: ChildProcess): Promise<string> {
  return await new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('dbus-daemon did not start')), START_LIMIT_MS)
    const settle = (act: () => void): void => {
      clearTimeout(timer)
      act()
    }
    child.once('error', (error) => settle(() => reject(error)))
    child.once('exit', (code) => settle(() => reject(new Error(`dbus-daemon ended (${code})`))))
    createInterface({ input: child.stdout! }).once('line', (line) =>
      settle(() => resolve(line.trim())),
    )
  })
}
