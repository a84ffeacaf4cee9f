/**
 * The fuzz run: a controller and an agent, each in its own process, receive everything that the contract
 * allows, the same values with mistakes in them, and random bytes, on every surface. Nothing may break.
 */
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from 'node:tls'
import { startChild } from './child.ts'
import { sendAll, type FuzzContext, type Finding } from './fuzz/context.ts'
import { PASSWORD, type Note, type Order, type Pulse } from './fuzz/hub-process.ts'
import { content, enrollment } from './fuzz/hub-routes.ts'
import { feed, authenticatedAgent } from './fuzz/links.ts'
import { packets, rawBytes, rawBytesInTls } from './fuzz/raw.ts'
import { startRealAgent } from './fuzz/real-agent.ts'
import { call } from './fuzz/http.ts'
import { restAs, restAsNobody, type Role } from './fuzz/rest.ts'
import { createValues } from './fuzz/values.ts'

const AT_ONCE = 32
/** Share of the time for unauthenticated requests; then come those of users and agents. */
const NOBODYS_SHARE = 0.4
/** Before the first memory figure, so that code is loaded and caches are filled. */
const WARM_UP_SHARE = 0.1
const SETTLE_MS = 1_500

export type FuzzReport = {
  seed: number
  seconds: number
  /** Messages sent, by surface. */
  tried: Record<string, number>
  total: number
  findings: Record<Finding, number>
  /** The first finding of each kind. */
  examples: Partial<Record<Finding, string>>
  controllerMiB: { start: number; middle: number; end: number }
  agentMiB: { start: number; end: number }
  longestStallMs: number
}

/** Whether nothing was found. */
export const isClean = (report: FuzzReport): boolean =>
  Object.values(report.findings).every((count) => count === 0)

const mib = (bytes: number): number => Math.round((bytes / 1024 / 1024) * 10) / 10

/** The certificate that the hub presents now, PEM. */
const shownCertificate = (port: number): Promise<string | null> =>
  new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false })
    const end = (pem: string | null): void => {
      socket.destroy()
      resolve(pem)
    }
    socket.setTimeout(SETTLE_MS, () => end(null))
    socket.on('error', () => end(null))
    socket.on('secureConnect', () => end(socket.getPeerX509Certificate()?.toString() ?? null))
  })

/** @param seconds time for sending; start and end come on top */
export async function fuzz(options: {
  seconds: number
  seed: number
  onTick?: (report: FuzzReport) => void
}): Promise<FuzzReport> {
  const values = createValues(options.seed)
  const report: FuzzReport = {
    seed: options.seed,
    seconds: options.seconds,
    tried: {},
    total: 0,
    findings: { crash: 0, '5xx': 0, unauthenticated_effect: 0, unanswered: 0, log_error: 0 },
    examples: {},
    controllerMiB: { start: 0, middle: 0, end: 0 },
    agentMiB: { start: 0, end: 0 },
    longestStallMs: 0,
  }
  const found = (kind: Finding, what: string): void => {
    report.findings[kind]++
    report.examples[kind] ??= what
  }
  const hub = startChild<Order, Note>('fuzz/hub-process.ts', ['--expose-gc'])
  let isStopping = false
  void hub.ended.then((how) => {
    if (!isStopping) found('crash', `the controller ended with ${how}; its last words are above`)
  })
  const { target } = await hub.ask({ do: 'start' }, 'start')
  const context: FuzzContext = {
    target,
    values,
    found,
    tried(surface, messages = 1) {
      report.tried[surface] = (report.tried[surface] ?? 0) + messages
      report.total += messages
    },
  }
  const agent = await startRealAgent(context)
  const ticking = setInterval(() => options.onTick?.(report), 15_000)
  const pulse = async (): Promise<Pulse> => (await hub.ask({ do: 'pulse' }, 'pulse')).pulse

  /** The controller creates a user, who then signs in the normal way. */
  async function signIn(role: Role): Promise<string> {
    const { username } = await hub.ask({ do: 'user', role }, 'user')
    // The fuzzed requests may change the hub's key as well.
    target.hub.cert = (await shownCertificate(target.hub.port)) ?? target.hub.cert
    const body = JSON.stringify({ username, password: PASSWORD })
    const headers = { 'content-type': 'application/json' }
    const path = '/auth/login'
    const surface = 'sign-in'
    const answer = await call(context, {
      port: 'console',
      method: 'POST',
      path,
      headers,
      body,
      surface,
    })
    const signedIn = JSON.parse(answer?.text ?? '{}') as { token?: string; user?: { role: Role } }
    // A fuzzed request may have changed the user's role or removed the user in the meantime.
    return signedIn.user?.role === role ? signedIn.token! : 'none'
  }
  async function makeCode(): Promise<string> {
    const headers = {
      'content-type': 'application/json',
      authorization: `Bearer ${await signIn('admin')}`,
    }
    const body = JSON.stringify({ max_uses: 10_000 })
    const path = '/enrollments'
    const surface = 'sign-in'
    const answer = await call(context, {
      port: 'console',
      method: 'POST',
      path,
      headers,
      body,
      surface,
    })
    return (JSON.parse(answer?.text ?? '{}') as { code?: string }).code ?? 'none'
  }

  const nobodys = [
    [4, restAsNobody(context)],
    [2, enrollment(context, null)],
    [2, content(context)],
    [1, feed(context, null)],
    [2, packets(context, 'hub')],
    [2, packets(context, 'console')],
    [2, rawBytes(context)],
    [1, rawBytesInTls(context)],
    [4, agent.one],
  ] as const
  const phase = (list: Parameters<typeof sendAll>[0], share: number): Promise<void> =>
    sendAll(list, values, Date.now() + options.seconds * 1_000 * share, AT_ONCE)

  const startMs = performance.now()
  try {
    const before = await hub.ask({ do: 'snapshot' }, 'snapshot')
    await phase(nobodys, WARM_UP_SHARE)
    report.controllerMiB.start = mib((await pulse()).rssBytes)
    report.agentMiB.start = mib(agent.rssBytes())
    await phase(nobodys, NOBODYS_SHARE - WARM_UP_SHARE)
    await sleep(SETTLE_MS)
    const after = await hub.ask({ do: 'snapshot' }, 'snapshot')
    for (const [table, rows] of Object.entries(after.tables))
      if (rows !== before.tables[table])
        found(
          'unauthenticated_effect',
          `the table ${table} was ${before.tables[table]} and is ${rows}`,
        )

    const code = await makeCode()
    const agents = [1, 2].map((i) => authenticatedAgent(context, `FUZZ-LINK-${i}`, makeCode))
    const others = [
      [6, restAs(context, 'admin', signIn)],
      [6, restAs(context, 'technician', signIn)],
      [1, enrollment(context, code)],
      [1, feed(context, signIn)],
      ...agents.map(({ one }) => [3, one] as const),
      [4, agent.one],
    ] as const
    await phase(others, (1 - NOBODYS_SHARE) / 2)
    report.controllerMiB.middle = mib((await pulse()).rssBytes)
    await phase(others, (1 - NOBODYS_SHARE) / 2)
    for (const one of agents) one.close()
    report.agentMiB.end = mib(agent.rssBytes())
    await agent.finish()
    const last = await pulse()
    report.controllerMiB.end = mib(last.rssBytes)
    report.longestStallMs = Math.round(last.longestStallMs)
    report.findings.log_error = last.errors
    if (last.firstError) report.examples.log_error = last.firstError
    await serves(context, await signIn('admin'))
  } catch (error) {
    found(
      'crash',
      `the run could not go on: ${error instanceof Error ? error.stack : String(error)}`,
    )
  } finally {
    clearInterval(ticking)
    isStopping = true
    hub.kill()
    report.seconds = Math.round((performance.now() - startMs) / 1_000)
  }
  return report
}

/** After everything else, a valid request must still be answered. */
async function serves(context: FuzzContext, token: string): Promise<void> {
  const headers = { authorization: `Bearer ${token}` }
  const answer = await call(context, {
    port: 'console',
    method: 'GET',
    path: '/deployments',
    headers,
    surface: 'sign-in',
  })
  if (answer?.status !== 200)
    context.found('unanswered', `a valid request got ${answer?.status ?? 'no answer'} at the end`)
}

export function printFuzzReport(report: FuzzReport): string {
  const { controllerMiB: controller, agentMiB: agent, findings, examples } = report
  const growth = Math.round((controller.end - controller.start) * 10) / 10
  return [
    `fuzz: ${report.total} messages in ${report.seconds} s, seed ${report.seed}`,
    ...Object.entries(report.tried)
      .sort(([, a], [, b]) => b - a)
      .map(([surface, count]) => `  ${surface.padEnd(32)} ${count}`),
    `crashes ${findings.crash}, 5xx ${findings['5xx']}, effects without authentication ${findings.unauthenticated_effect}, unanswered ${findings.unanswered}, errors in the controller's log ${findings.log_error}`,
    `controller: ${controller.start} MiB at the start, ${controller.middle} in the middle, ${controller.end} at the end (${growth >= 0 ? '+' : ''}${growth}); agent: ${agent.start} and ${agent.end} MiB`,
    `longest stall of the controller's event loop: ${report.longestStallMs} ms`,
    ...Object.entries(examples).map(([kind, what]) => `first ${kind}: ${what}`),
  ].join('\n')
}
