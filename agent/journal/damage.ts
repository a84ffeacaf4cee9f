/**
 * Keeps track of damaged records. An entry survives restarts until the hub has received it and reported which
 * sequences it has used; until then no command is accepted, because an old one could not be distinguished from a new
 * one.
 */
import { existsSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { z } from 'zod'
import { DAMAGE_LIMIT, StateDamage } from '#shared/contract/agent/state.ts'
import type { Clock } from '#shared/node/clock.ts'
import { readJson, writeDurably } from '../lib/atomic-file.ts'
import type { Log } from '../lib/log.ts'
import { setAside } from '../lib/set-aside.ts'
import { readRecords } from './record-file.ts'

const DamageFile = z.object({ damaged: z.array(StateDamage).max(DAMAGE_LIMIT) })

export type Damage = {
  /** On disk when it returns. */
  note: (file: string, what: StateDamage['what']) => void
  /** Damage that was not reported to the hub yet. */
  entries: () => StateDamage[]
  /** The hub has received all of it and reported where the sequence continues. */
  settle: () => void
}

export function openDamage(
  statePath: string,
  { log, clock }: { log: Log; clock: Pick<Clock, 'wallMs'> },
): Damage {
  const path = join(statePath, 'damage.json')
  const raw = readJson(path)
  const read = DamageFile.safeParse(raw)
  let entries = read.success ? read.data.damaged : []
  function note(file: string, what: StateDamage['what']): void {
    const name = basename(file).slice(0, 64)
    log.error({ file, what }, 'records of this agent are damaged or missing')
    const others = entries.filter((entry) => entry.file !== name)
    const next = [...others, { file: name, what, at: new Date(clock.wallMs()).toISOString() }]
    writeDurably(path, JSON.stringify({ damaged: next.slice(-DAMAGE_LIMIT) }))
    entries = next.slice(-DAMAGE_LIMIT)
  }
  // Something was damaged, but what is unknown.
  if (raw !== undefined && !read.success) note(path, 'unreadable')
  return {
    note,
    entries: () => entries,
    settle() {
      if (entries.length === 0) return
      rmSync(path, { force: true })
      entries = []
    },
  }
}

/**
 * Checks a file of records before it is opened. Unreadable content is first noted and then set aside: it is
 * never overwritten, nor treated as a new file. @param isComplete whether this version understands all of
 * these records
 */
export function examineRecords(
  file: string,
  damage: Pick<Damage, 'note'>,
  isComplete: (records: readonly unknown[]) => boolean,
): void {
  if (!existsSync(file)) return damage.note(file, 'missing')
  const { records, damaged, goodBytes, sizeBytes } = readRecords(file)
  if (records.length === 0) {
    damage.note(file, sizeBytes === 0 ? 'empty' : 'unreadable')
    setAside(file)
    // A truncated last record may be a power cut, or the rest of a file that was cut in half.
  } else if (damaged || goodBytes < sizeBytes || !isComplete(records)) {
    damage.note(file, 'partly_unreadable')
    setAside(file, { isCopy: true })
  }
}
