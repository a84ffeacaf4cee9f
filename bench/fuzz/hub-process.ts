/**
 * A controller in a separate process, as the fuzz run's target. Reports its rows, its log and its health over
 * IPC.
 */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import Database from 'better-sqlite3'
import pino from 'pino'
import type { DeployPayload } from '#shared/contract/agent/link.ts'
import {
  startTestController,
  type TestController,
} from '../../main/controller/test-kit/test-controller.ts'

export const PASSWORD = 'correct horse'
export type Target = {
  consolePort: number
  hub: { port: number; cert: string }
  attemptIds: string[]
}
export type Pulse = {
  rssBytes: number
  heapBytes: number
  longestStallMs: number
  /** Number of log lines that report an internal error. */
  errors: number
  firstError: string | null
}
export type Order =
  | { do: 'start' }
  | { do: 'snapshot' }
  | { do: 'pulse' }
  | { do: 'user'; role: 'admin' | 'technician' }
  | { do: 'quit' }
export type Note =
  | { done: 'start'; target: Target }
  /** Hash of all rows, by table. */
  | { done: 'snapshot'; tables: Record<string, string> }
  | { done: 'pulse'; pulse: Pulse }
  | { done: 'user'; username: string }

const OFFLINE_WRITTEN_MS = 3_000
let test: TestController | null = null
let errors = 0
let firstError: string | null = null
let users = 0
const delay = monitorEventLoopDelay({ resolution: 10 })
const send = (note: Note) => void process.send?.(note)
const log = pino(
  { level: 'error' },
  new Writable({
    write(line: Buffer, _encoding, done) {
      errors++
      firstError ??= line.toString().slice(0, 2_000)
      done()
    },
  }),
)

function inDatabase<T>(work: (db: Database.Database) => T): T {
  const db = new Database(join(test!.dataDir, 'deployx.db'), { timeout: 10_000 })
  try {
    return work(db)
  } finally {
    db.close()
  }
}

/** Creates some data of each kind, so that requests find something; nothing changes afterwards. */
async function furnish(t: TestController): Promise<string[]> {
  const software = [(await t.addScript('one')).id, (await t.addScript('two')).id]
  const identities = [await t.enroll('FUZZ-1'), await t.enroll('FUZZ-2')]
  const device_ids = identities.map((i) => i.deviceId)
  await t.rest.call('groups.create', { body: { name: 'All', device_ids } })
  await t.rest.call('enrollments.create', { body: { max_uses: 10 } })
  const attempts: string[] = []
  const agents = await Promise.all(
    identities.map((identity) =>
      t.connect(identity, {
        onCommand: (command, agent) => {
          attempts.push(command.attempt_id)
          void agent.result(command as DeployPayload, {})
        },
      }),
    ),
  )
  const { deployment_id: id } = await t.rest.call('deployments.create', {
    body: { name: 'First', software_ids: software, device_ids },
  })
  for (const endAt = Date.now() + 30_000; Date.now() < endAt; await sleep(50))
    if ((await t.rest.call('deployments.get', { params: { id } })).status === 'completed') break
  for (const agent of agents) agent.close()
  await sleep(OFFLINE_WRITTEN_MS)
  return attempts
}

/** Written with each entry of the audit log, or from it. */
const FOLLOW_THE_AUDIT_LOG = [
  'audit_heads',
  'audit_days',
  'audit_facets',
  'search_terms',
  'search_progress',
]

/**
 * Refused requests are audited, and the end of the audit log is signed from time to time; everything else
 * must stay unchanged.
 */
const snapshot = (): Record<string, string> =>
  inDatabase((db) => {
    const tables = db
      .prepare<[], { name: string; wr: number }>(
        // Not the search indexes: they follow from the tables, and the one of the audit log changes with it.
        "select name, wr from pragma_table_list where schema = 'main' and type = 'table' order by name",
      )
      .all()
    return Object.fromEntries(
      tables
        .filter(({ name }) => !FOLLOW_THE_AUDIT_LOG.includes(name) && !name.startsWith('sqlite_'))
        .map(({ name: table, wr: hasNoRowid }) => {
          const only = table === 'audit_log' ? " where outcome <> 'refused'" : ''
          const hash = createHash('sha256')
          let rows = 0
          for (const row of db
            .prepare(`select * from "${table}"${only} order by ${hasNoRowid ? '1' : 'rowid'}`)
            .iterate()) {
            rows++
            const kept = { ...(row as Record<string, unknown>) }
            // The hash chain includes the refused requests too.
            if (table === 'audit_log') for (const key of ['id', 'hash']) delete kept[key]
            hash.update(JSON.stringify(kept))
          }
          return [table, `${rows} rows, ${hash.digest('hex').slice(0, 16)}`]
        }),
    )
  })

async function pulse(): Promise<Pulse> {
  for (let i = 0; i < 3; i++) {
    globalThis.gc?.()
    await sleep(100)
  }
  const { rss, heapUsed } = process.memoryUsage()
  const longestStallMs = delay.max / 1e6
  return { rssBytes: rss, heapBytes: heapUsed, longestStallMs, errors, firstError }
}

/** Creates a user as an administrator would, because earlier users may have been removed. */
const addUser = (role: 'admin' | 'technician'): string =>
  inDatabase((db) => {
    const username = `fuzz-${++users}`
    db.prepare(
      'insert into users (username, password_hash, role, created_at) values (?, ?, ?, ?)',
    ).run(username, passwordHash, role, new Date().toISOString())
    return username
  })
let passwordHash = ''

async function handle(order: Order): Promise<void> {
  switch (order.do) {
    case 'start': {
      test = await startTestController({
        log,
        rendererDir: import.meta.dirname,
        timings: { presence: { connectGraceMs: 0 } },
      })
      const attemptIds = await furnish(test)
      passwordHash = inDatabase((db) =>
        db.prepare<[], string>('select password_hash from users').pluck().get()!,
      )
      delay.enable()
      const consolePort = Number(new URL(test.controller.consoleUrl).port)
      return send({ done: 'start', target: { consolePort, hub: test.hub, attemptIds } })
    }
    case 'snapshot':
      return send({ done: 'snapshot', tables: snapshot() })
    case 'pulse':
      return send({ done: 'pulse', pulse: await pulse() })
    case 'user':
      return send({ done: 'user', username: addUser(order.role) })
    case 'quit':
      await test?.stop()
      process.exit(0)
  }
}

process.on('message', (order: Order) => {
  handle(order).catch((error: unknown) => {
    console.error(error)
    process.exit(1)
  })
})
process.on('disconnect', () => process.exit(0))
