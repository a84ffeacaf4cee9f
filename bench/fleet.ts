/** A controller with many devices, and the process that simulates their agents. */
import { join } from 'node:path'
import Database from 'better-sqlite3'
import {
  startTestController,
  type TestController,
} from '../main/controller/test-kit/test-controller.ts'
import { startChild, type Child } from './child.ts'
import type { Note, Order } from './fleet-agents.ts'

const LIMIT_MS = 180_000

export type AgentsProcess = Child<Order, Note>
export const startAgentsProcess = (): AgentsProcess => startChild<Order, Note>('fleet-agents.ts')

/** Inserts a device for each key as enrolment would, all in one transaction. Returns their ids. */
export function addDevices(test: TestController, publicKeys: string[]): number[] {
  const db = new Database(join(test.dataDir, 'deployx.db'), { timeout: 5_000 })
  try {
    const insert = db.prepare<[string, string, string]>(
      `insert into devices (name, platform, arch, os_version, agent_version, public_key, owner_id, approved, enrolled_at)
       values (?, 'linux', 'x64', 'Debian 12', 'light', ?, 1, 1, ?)`,
    )
    const now = new Date().toISOString()
    return db.transaction(() =>
      publicKeys.map((key, i) => Number(insert.run(`SIM-${i}`, key, now).lastInsertRowid)),
    )()
  } finally {
    db.close()
  }
}

export async function untilOnline(test: TestController, count: number): Promise<void> {
  const endAt = Date.now() + LIMIT_MS
  while (test.controller.activity().online_agents < count) {
    if (Date.now() > endAt) throw new Error('the agents did not come online in time')
    await new Promise((done) => setTimeout(done, 20))
  }
}

export const startQuietController = (): Promise<TestController> =>
  startTestController({ timings: { presence: { connectGraceMs: 0 } } })
