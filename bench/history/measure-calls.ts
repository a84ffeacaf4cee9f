/** Calls every route of the contract, one at a time, and measures its time and the longest pause of the hub's event loop. */
import { performance } from 'node:perf_hooks'
import { rest, type RouteName } from '#shared/contract/rest/routes.ts'
import { createRestClient } from '../../main/controller/test-kit/test-controller.ts'
import type { Child } from '../child.ts'
import { median } from '../table.ts'
import { calls, type Call, type Place } from './calls.ts'
import type { Size } from './folder.ts'
import type { HistoryReply, HistoryCommand } from './hub.ts'

export type CallFigure = {
  name: string
  ms: number
  /** Of the first call, before caches are warm. */
  firstMs: number
  pauseMs: number
  bytes: number
  /** Why its time is not compared. */
  slow: string | null
}
type Sample = { ms: number; pauseMs: number; bytes: number }

async function send(base: string, token: string, method: string, call: Call): Promise<number> {
  const form = call.file && new FormData()
  if (form) form.append('file', new Blob([call.file!.text]), call.file!.name)
  const body = form ?? (call.body === undefined ? undefined : JSON.stringify(call.body))
  const response = await fetch(base + call.path, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(typeof body === 'string' && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body }),
  })
  let bytes = 0
  let start = ''
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.length
    if (!response.ok) start += new TextDecoder().decode(chunk)
  }
  if (!response.ok) throw new Error(`${method} ${call.path}: ${response.status} ${start}`)
  return bytes
}

export async function measureCalls(
  side: {
    hub: Child<HistoryCommand, HistoryReply>
    console: string
    token: string
    rest: ReturnType<typeof createRestClient>
  },
  options: Size & { waiting: number[]; runs: number },
): Promise<CallFigure[]> {
  const refused: string[] = []
  const anonymous = createRestClient(side.console)
  const samples = new Map<string, { slow: string | null; list: Sample[] }>()
  for (let run = 0; run <= options.runs; run++) {
    const { id: code } = await side.rest.call('enrollments.create', { body: {} })
    const account = { username: `session-${run}`, password: 'correct horse' }
    const { id: user } = await side.rest.call('users.create', {
      body: { ...account, role: 'technician' },
    })
    await anonymous.call('auth.login', { body: { username: 'anna', password: 'correct horse' } })
    const { sessions } = await side.rest.call('auth.sessions', {})
    const place: Place = {
      ...options,
      run,
      code,
      user,
      // Those at even positions run; the others start later.
      waiting: options.waiting.filter((_id, i) => i % 2 === 0),
      scheduled: options.waiting[1]!,
      session: sessions.find((session) => !session.current)!.id,
    }
    for (const name of inOrder) {
      const make = calls[name]
      if (typeof make === 'string') continue
      for (const call of [make(place)].flat()) {
        await side.hub.ask({ do: 'watch' }, 'watch')
        const startMs = performance.now()
        const bytes = await send(side.console, side.token, rest[name].method, call).catch(
          (error: unknown) => refused.push((error as Error).message),
        )
        const ms = performance.now() - startMs
        const { longestMs } = await side.hub.ask({ do: 'stalls' }, 'stalls')
        const title = call.as ? `${name} (${call.as})` : name
        const known = samples.get(title) ?? { slow: call.slow ?? null, list: [] }
        known.list.push({ ms, pauseMs: longestMs, bytes })
        samples.set(title, known)
      }
    }
  }
  if (refused.length > 0) throw new Error(`some calls failed:\n${refused.join('\n')}`)
  return [...samples].map(([name, { slow, list }]) => {
    const [first, ...later] = list as [Sample, ...Sample[]]
    const of = later.length > 0 ? later : list
    return {
      name,
      slow,
      ms: median(of.map(({ ms }) => ms)),
      firstMs: first.ms,
      pauseMs: median(of.map(({ pauseMs }) => pauseMs)),
      bytes: first.bytes,
    }
  })
}

/** These come last, because they stop deployments that other calls use. */
const LAST: readonly RouteName[] = ['deployments.pause', 'deployments.resume', 'deployments.cancel']
const inOrder = [
  ...(Object.keys(calls) as RouteName[]).filter((name) => !LAST.includes(name)),
  ...LAST,
]
