/**
 * Agent updates: which agents are older than the ones that this controller serves, which get an
 * update order, and how it ended. Orders are signed like commands; agents verify what they download
 * and roll back by themselves.
 */
import type { AgentFacts, CommandReply, UpdateAgent } from '#shared/contract/agent/link.ts'
import {
  AGENT_DOWNLOAD_PATH,
  updateText,
  type UpdatePayload,
} from '#shared/contract/agent/update.ts'
import type { Device } from '#shared/contract/rest/devices.ts'
import { AppError } from '#shared/contract/errors.ts'
import { coded, readCoded, type CodedText } from '#shared/domain/coded-texts/codes.ts'
import { UPDATE_OBSTACLES } from '#shared/domain/coded-texts/updates.en.ts'
import { isNewer } from '#shared/domain/agent-version.ts'
import { ACK_TIMEOUT_MS } from '#shared/domain/defaults.ts'
import type { DeviceId } from '#shared/domain/ids.ts'
import type { Audit } from '../audit/index.ts'
import { EMPTY_NOTE, noteOf, paramsOf, type Note } from '../../base/coded-note.ts'
import { isoTime, type Clock, type Log, type Now, type Viewer } from '../../base/context.ts'
import type { Devices } from '../devices/index.ts'
import type { AgentOffer } from '../../base/agent-files.ts'
import { createSingleTicker } from '../../base/ticker.ts'
import { createTurns } from '../../base/turns.ts'
import type { Signer } from '../signing/index.ts'
import type { Store } from '../../store/store.ts'
import { fileOf, type UpdateKnowledge } from './knowledge.ts'
import { createOutcomes } from './outcomes.ts'
import { isStopped, isUnderWay, planUpdates, progressOf, type FleetDevice } from './plan.ts'
import { UPDATE_TIMINGS, type UpdateTimings } from './timings.ts'

export { createUpdateKnowledge } from './knowledge.ts'
export type { UpdateTimings } from './timings.ts'
export type AgentUpdates = ReturnType<typeof createAgentUpdates>

/** Several changes within this time cause one check. */
const SOON_MS = 1_000
/** A page is read in about a millisecond. */
const DEVICES_PER_PAGE = 1_000
/** Each order is a separate commit, so other work can run in between. */
const ORDERS_PER_LOOK = 10
const TOO_OLD = coded('update_agent_too_old', {})

type Obstacle = Extract<CodedText, { code: keyof typeof UPDATE_OBSTACLES }>
const readObstacle = (code: unknown, params: unknown): Obstacle | null => {
  const text = readCoded(code, params)
  return text !== null && Object.hasOwn(UPDATE_OBSTACLES, text.code) ? (text as Obstacle) : null
}
/** Why this agent cannot update itself; null: it can. */
function obstacleOf(own: AgentFacts['self_update']): Note | null {
  if (!own) return noteOf(TOO_OLD)
  if (own.obstacle === null) return null
  const text = readObstacle(own.obstacle_code, own.obstacle_params)
  return text ? noteOf(text) : { ...EMPTY_NOTE, message: own.obstacle }
}
function refusalOf({ message, message_code, message_params }: Note): AppError {
  const text = readObstacle(message_code, paramsOf(message_params))
  return text
    ? AppError.of(text.code, text.params as never)
    : AppError.of('agent_cannot_update', { obstacle: message })
}

export function createAgentUpdates(deps: {
  store: Store
  now: Now
  clock: Clock
  log: Log
  audit: Audit
  devices: Devices
  knowledge: UpdateKnowledge
  /** Whether agents are updated automatically. */
  policy: () => 'automatic' | 'off'
  workingDevices: () => ReadonlySet<DeviceId>
  agents: {
    update: (deviceId: DeviceId, order: UpdateAgent, timeoutMs: number) => Promise<CommandReply>
  }
  sign: Signer['sign']
  keyId: () => string
  timings?: Partial<UpdateTimings> | undefined
}) {
  const { devices, audit, log, knowledge } = deps
  const { presence } = devices
  const timings = { ...UPDATE_TIMINGS, ...deps.timings }
  const ticker = createSingleTicker({
    time: deps.clock,
    soonMs: Math.min(SOON_MS, timings.lookMs),
    heartbeatMs: timings.lookMs,
    run: look,
    failed: (error) => log.error({ err: error }, 'agents could not be checked for updates'),
  })
  const { rows, obstacles, offerFor } = knowledge
  let isOver = false
  /** Whether versions that failed too often were looked for since the start. */
  let isJudged = false

  const outcomes = createOutcomes({
    ...deps,
    timings,
    changed: () => ticker.soon(),
    onFailure: () => judge(true, toFleet([...pages()].flat())),
  })
  const offClock = deps.clock.onChange(({ shiftMs }) => outcomes.shift(shiftMs))

  type AgentVersion = ReturnType<Devices['agentVersions']>[number]
  function* pages(): Generator<AgentVersion[]> {
    for (let after: DeviceId | 0 = 0; ;) {
      const page = devices.agentVersions(after, DEVICES_PER_PAGE)
      yield page
      const last = page.at(-1)
      if (!last || page.length < DEVICES_PER_PAGE) return
      after = last.id
    }
  }
  function toFleet(versions: AgentVersion[]): FleetDevice[] {
    const working = deps.workingDevices()
    return versions.map((device) => ({
      id: device.id,
      fileName: fileOf(device),
      version: device.agent_version,
      online: presence.isOnline(device.id),
      free: obstacles.get(device.id) === null && !working.has(device.id),
    }))
  }
  /** Lets other work run while a large fleet is read. */
  async function readFleet(): Promise<FleetDevice[]> {
    const otherWork = createTurns(deps.clock)
    const versions: AgentVersion[] = []
    for (const page of pages()) {
      versions.push(...page)
      await otherWork()
    }
    return toFleet(versions)
  }

  /**
   * Finds the versions that have failed too often. @param isNews whether to audit newly found ones
   */
  function judge(isNews: boolean, all: FleetDevice[]): void {
    const found = knowledge
      .offers()
      .filter((offer) => isStopped(progressOf(offer, all, rows, deps.now())))
    for (const offer of found)
      if (isNews && !knowledge.isStopped(offer))
        audit.record(
          null,
          'device.agent_updates_stopped',
          offer.file_name,
          `version ${offer.version} failed on several PCs: it is no longer installed automatically`,
        )
    knowledge.stop(found)
  }

  async function signed(id: DeviceId, sequence: number, offer: AgentOffer): Promise<UpdateAgent> {
    const order: UpdatePayload = {
      device_id: id,
      sequence,
      issued_at: isoTime(deps.now()),
      ...offer,
      url: AGENT_DOWNLOAD_PATH + offer.file_name,
    }
    const payload = JSON.stringify(order)
    const key_id = deps.keyId()
    const [signature] = await deps.sign([updateText(payload)])
    if (!signature) throw new Error('the signer refused this order')
    return { version: offer.version, envelope: { payload, signature, key_id } }
  }

  /**
   * Stored when this returns; sent afterwards. @param viewer the user who asked for it; null: the
   * controller itself
   */
  function order(id: DeviceId, offer: AgentOffer, viewer: Viewer | null): void {
    const sequence = outcomes.begin(id, offer, viewer)
    devices.announce([id])
    signed(id, sequence, offer)
      .then((body) => deps.agents.update(id, body, ACK_TIMEOUT_MS))
      .catch((error: unknown) => {
        log.debug({ err: error, deviceId: id }, 'an update order was not answered')
        return null
      })
      .then((reply) => (isOver ? undefined : outcomes.answered(id, sequence, reply)))
      .catch((error: unknown) => log.error({ err: error }, 'a reply could not be stored'))
  }

  async function look(): Promise<void> {
    deps.clock.settle()
    const isChanged = knowledge.refresh()
    outcomes.expire()
    if (!isChanged && knowledge.offers().length === 0) return
    const all = await readFleet()
    if (isOver) return
    if (isChanged || !isJudged) judge(false, all)
    isJudged = true
    if (isChanged) devices.announce(all.map(({ id }) => id))
    if (deps.policy() === 'off') return
    const due = planUpdates({ offers: knowledge.offers(), fleet: all, rows, nowMs: deps.now() })
    for (const { id, offer } of due.slice(0, ORDERS_PER_LOOK)) order(id, offer, null)
    if (due.length > ORDERS_PER_LOOK) ticker.soon()
  }
  const offPresence = presence.onChange((id) => {
    if (presence.isOnline(id)) ticker.soon()
    else obstacles.delete(id)
  })

  return {
    /** What an agent reports about itself: in its hello, and whenever something has changed. */
    noteFacts(id: DeviceId, facts: AgentFacts): void {
      obstacles.set(id, obstacleOf(facts.self_update))
      outcomes.noteFacts(id, facts)
    },

    /**
     * Orders one agent to update to the served version, regardless of earlier tries.
     * @throws AppError E_NOT_FOUND, E_AGENT_OFFLINE, E_ILLEGAL_STATE
     */
    orderNow(viewer: Viewer, id: DeviceId): Device {
      const device = devices.get(viewer, id)
      const offer = offerFor(device)
      if (!offer || !isNewer(offer.version, device.agent_version))
        throw AppError.of('agent_is_newest', { version: device.agent_version })
      if (!device.approved || device.blocked) throw AppError.of('device_not_approved', {})
      if (!device.online)
        throw new AppError('E_AGENT_OFFLINE', 'This PC is offline: its agent cannot be updated.')
      if (isUnderWay(rows.get(id))) throw AppError.of('agent_updating', {})
      const obstacle = obstacles.get(id) ?? null
      if (obstacle !== null) throw refusalOf(obstacle)
      if (deps.workingDevices().has(id)) throw AppError.of('device_installing', {})
      order(id, offer, viewer)
      return devices.get(viewer, id)
    },

    /** Call it when the policy may have changed. */
    lookSoon: (): void => ticker.soon(),
    start(): void {
      knowledge.refresh()
      ticker.start()
      ticker.soon()
    },
    stop(): void {
      isOver = true
      void ticker.stop()
      offPresence()
      offClock()
    },
  }
}
