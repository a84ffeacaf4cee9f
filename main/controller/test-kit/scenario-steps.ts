/** The steps of scenarios. */
import { expect } from 'vitest'
import type { CreateDeploymentInput } from '#shared/contract/rest/deployment-requests.ts'
import type { DeploymentResult, DeployPayload } from '#shared/contract/agent/link.ts'
import type { AttemptId } from '#shared/domain/ids.ts'
import { connect, eventually, matchesChain, type Place, type Play, type Step } from './scenario.ts'

/** Waits until the target is, or has just been, in this state: `state` or `state reason`. */
export const until =
  (place: Place, seen: string): Step =>
  ({ stage, target }) =>
    eventually(`${place} is ${seen}`, () => stage.observer.chain(target(place)).at(-1) === seen)
export const untilStatus =
  (status: string): Step =>
  ({ stage, id }) =>
    eventually(`the deployment is ${status}`, () => stage.observer.status(id) === status)
export const untilCommand =
  (pc: string, count = 1): Step =>
  ({ pcs }) =>
    eventually(`${pc} has ${count} commands`, () => pcs[pc]!.brain.commands.length >= count)
/** Long enough for something to go wrong. */
export const waits =
  (ms: number): Step =>
  () =>
    new Promise((resolve) => setTimeout(resolve, ms))
/** The place gets into this state, and stays in it. */
export const remains =
  (place: Place, seen: string, ms = 300): Step =>
  async (play) => {
    await until(place, seen)(play)
    await waits(ms)(play)
    expect(play.stage.observer.chain(play.target(place)).at(-1)).toBe(seen)
  }

export const vanishes =
  (pc: string): Step =>
  ({ pcs }) =>
    pcs[pc]!.link?.close()
export const comesBack =
  (pc: string): Step =>
  ({ stage, pcs }) =>
    connect(stage, pcs[pc]!)
export const comesBackForgetful =
  (pc: string): Step =>
  ({ stage, pcs }) => {
    pcs[pc]!.brain.forget()
    return connect(stage, pcs[pc]!)
  }

/** A result for the nth command of a device, sent by it or by another one. */
export const reports =
  (
    pc: string,
    result: Partial<DeploymentResult> = {},
    options: { by?: string; command?: number; attemptId?: string; committed?: boolean } = {},
  ): Step =>
  async ({ pcs }) => {
    const command = pcs[pc]!.brain.commands[(options.command ?? 1) - 1]!
    const named: DeployPayload = options.attemptId
      ? { ...command, attempt_id: options.attemptId as AttemptId }
      : command
    const reply = await pcs[options.by ?? pc]!.link!.result(named, result)
    expect(reply.committed).toBe(options.committed ?? true)
  }
export const progresses =
  (pc: string, phase: 'downloading' | 'verifying' | 'installing'): Step =>
  async ({ pcs }) => {
    const pc_ = pcs[pc]!
    await pc_.link!.progress(pc_.brain.commands.at(-1)!, phase)
  }

type Verb = 'cancel' | 'pause' | 'resume' | 'retry'
const send = (play: Play, verb: Verb, places: Place[]) =>
  play.stage.rest.raw('POST', `/deployments/${play.id}/${verb}`, {
    ...(places.length > 0 && { target_ids: places.map(play.target) }),
  })
export const person =
  (verb: Verb, ...places: Place[]): Step =>
  async (play) => {
    const reply = await send(play, verb, places)
    expect(reply, JSON.stringify(reply.body)).toMatchObject({ status: 200 })
  }
export const personMayNot =
  (verb: Verb, ...places: Place[]): Step =>
  async (play) => {
    const before = play.stage.observer.status(play.id)
    expect(await send(play, verb, places)).toMatchObject({
      status: 409,
      body: { error: { code: 'E_ILLEGAL_STATE' } },
    })
    expect(play.stage.observer.status(play.id)).toBe(before)
  }
export const stopsAll: Step = async ({ stage, id }) => {
  const { stopped } = await stage.rest.call('deployments.stop_all', { body: {} })
  expect(stopped).toContain(id)
}
export const removes =
  (pc: string): Step =>
  async ({ stage, pcs }) =>
    void (await stage.rest.call('devices.delete', { params: { id: pcs[pc]!.identity.deviceId } }))
export const blocks =
  (pc: string): Step =>
  async ({ stage, pcs }) =>
    void (await stage.rest.call('devices.block', { params: { id: pcs[pc]!.identity.deviceId } }))
export const deploysAgain =
  (further: Partial<CreateDeploymentInput> = {}): Step =>
  async (play) =>
    void play.others.push(await play.create(further))
export const otherEnds =
  (status: string): Step =>
  ({ stage, others }) =>
    eventually(`the other one is ${status}`, () => stage.observer.status(others[0]!) === status)

export const controllerRestarts: Step = ({ stage }) => stage.t.restart()

/** The database refuses something during these steps. */
export const whileRefused =
  (what: string, when: (play: Play) => string, ...steps: Step[]): Step =>
  async (play) => {
    const end = play.stage.observer.refuse(what, when(play))
    try {
      for (const step of steps) await step(play)
    } finally {
      end()
    }
  }
export const check =
  (look: (play: Play) => Promise<void> | void): Step =>
  (play) =>
    look(play)
export const seen =
  (place: Place, ...chain: string[]): Step =>
  ({ stage, target }) => {
    const now = stage.observer.chain(target(place))
    expect(matchesChain(chain, now), `${place}: ${now.join(' → ')}`).toBe(true)
  }
