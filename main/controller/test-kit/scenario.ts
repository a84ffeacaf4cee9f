/**
 * Rows of a table of scenarios: what happens to a deployment, step by step, and the expected
 * outcome.
 */
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect } from 'vitest'
import type { Detection } from '#shared/contract/detection.ts'
import type { TargetTotals } from '#shared/contract/rest/deployments.ts'
import type { CreateDeploymentInput } from '#shared/contract/rest/deployment-requests.ts'
import type { RouteReply } from '#shared/contract/rest/routes.ts'
import type { DeploymentState } from '#shared/domain/deployment-state.ts'
import type { DeploymentId, SoftwareId, TargetId } from '#shared/domain/ids.ts'
import { until as eventually } from '#shared/test-kit/until.ts'
import { openObserver } from './observer.ts'
import { createScenarioAgent, type AgentStep } from './scenario-agent.ts'
import { enrollSimAgent, type SimAgent, type SimIdentity } from './sim-agent.ts'
import { startTestController } from './test-controller.ts'

export type Pc = {
  /** What its agent does with each deploy command. Default: it executes them. */
  does?: readonly AgentStep[][]
  /** It has no link at the start. */
  isAway?: boolean
  ignoresCancel?: boolean
  /** The detection rules that its agent can read; null: it reports none. Default: all. */
  ruleTypes?: readonly string[] | null | undefined
}
export type Package = {
  name: string
  needs?: string[]
  arch?: 'arm64'
  detection?: Detection
}
/** `A`, or `A/2` for the second package on A. */
export type Place = string
export type TargetExpectation = {
  /** Every `state` or `state reason`, in order; `…` matches any number of them. */
  chain: string[]
  message?: RegExp
  details?: RegExp
  exit_code?: number
  attempt?: number
  /** How often its attempts were offered under different ids. */
  attempts?: number
}
export type Row = {
  name: string
  pcs?: Record<string, Pc>
  packages?: Package[]
  deployment?: Omit<Partial<CreateDeploymentInput>, 'name' | 'device_ids' | 'software_ids'>
  steps?: Step[]
  /** The request itself is refused. */
  refused?: { status: number; code: string }
  status?: DeploymentState
  counts?: Partial<TargetTotals>
  targets?: Record<Place, TargetExpectation>
}
/** An action while the deployment runs. */
export type Step = (play: Play) => unknown

export { eventually }

type ScenarioPc = {
  identity: SimIdentity
  brain: ReturnType<typeof createScenarioAgent>
  link: SimAgent | null
  ruleTypes: Pc['ruleTypes']
}
export type Play = {
  stage: Stage
  id: DeploymentId
  pcs: Record<string, ScenarioPc>
  target: (place: Place) => TargetId
  /** Of another deployment on the same devices. */
  others: DeploymentId[]
  create: (further?: Partial<CreateDeploymentInput>) => Promise<DeploymentId>
}
export type Stage = Awaited<ReturnType<typeof setStage>>

/** One controller for many rows, a web server for packages given as an address, and an observer. */
export async function setStage(options: Parameters<typeof startTestController>[0] = {}) {
  let web: Web | null = null
  const t = await startTestController({ allowPrivateFetch: true, ...options })
  const observer = openObserver(t.dataDir)
  const { code } = await t.rest.call('enrollments.create', {
    body: { max_uses: 1_000, ttl_minutes: 60 * 24 * 30 },
  })
  const tool = (await t.addScript('tool')).id
  return {
    t,
    observer,
    code,
    tool,
    /** A user's requests. */
    rest: t.rest,
    async web(): Promise<Web> {
      return (web ??= await serveWeb())
    },
    async clear(): Promise<void> {
      observer.close()
      await t.stop()
      await web?.close()
    },
  }
}
type Web = { url: string; answers: Map<string, RequestListener>; close: () => Promise<unknown> }
async function serveWeb(): Promise<Web> {
  const answers: Web['answers'] = new Map()
  const server = createServer((request, response) => {
    const answer = answers.get(request.url ?? '')
    if (answer) return answer(request, response)
    response.writeHead(404).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    answers,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function makePc(stage: Stage, name: string, pc: Pc): Promise<ScenarioPc> {
  const identity = await enrollSimAgent(stage.t.hub, stage.code, name)
  const brain = createScenarioAgent({
    does: pc.does ?? [],
    ignoresCancel: pc.ignoresCancel ?? false,
    accepted: (id) =>
      eventually('the acceptance is recorded', () => stage.observer.state(id) !== 'pending'),
  })
  const made: ScenarioPc = { identity, brain, link: null, ruleTypes: pc.ruleTypes }
  if (!pc.isAway) await connect(stage, made)
  return made
}
export async function connect(stage: Stage, pc: ScenarioPc): Promise<void> {
  pc.link = await stage.t.connect(pc.identity, {
    ...pc.brain.options,
    ruleTypes: pc.ruleTypes,
    onLink: (link) => pc.brain.linked(link),
  })
}

/**
 * @param label of the row: a file with the same name and content would be the software of another
 * row
 */
async function makePackages(
  stage: Stage,
  packages: Package[],
  label: string,
): Promise<SoftwareId[]> {
  const ids = new Map<string, SoftwareId>()
  for (const { name, needs = [], arch, detection } of packages) {
    const file = { name: `${name}.sh`, bytes: `#!/bin/sh\n# ${label}\nexit 0\n` }
    const reply = await stage.rest.upload('/software', file, {
      ...(arch && { arch }),
      ...(detection && { detection: JSON.stringify(detection) }),
    })
    const { id } = reply.body as RouteReply<'software.create'>
    ids.set(name, id)
    if (needs.length > 0)
      await stage.rest.call('software.update', {
        params: { id },
        body: { depends_on: needs.map((need) => ids.get(need)!) },
      })
  }
  return [...ids.values()]
}

/** `…` in the expectation matches any number of entries. */
export function matchesChain(expected: readonly string[], seen: readonly string[]): boolean {
  const [first, ...rest] = expected
  if (first === undefined) return seen.length === 0
  if (first === '…')
    return Array.from({ length: seen.length + 1 }, (_, i) => i).some((i) =>
      matchesChain(rest, seen.slice(i)),
    )
  return seen[0] === first && matchesChain(rest, seen.slice(1))
}

/** Plays one row and compares it with the expectation. */
export async function playRow(stage: Stage, row: Row, label: string): Promise<void> {
  const pcs: Record<string, ScenarioPc> = {}
  const given = Object.entries(row.pcs ?? { A: {} })
  for (const [key, pc] of given) pcs[key] = await makePc(stage, `${label}-${key}`, pc)
  const software = row.packages ? await makePackages(stage, row.packages, label) : [stage.tool]
  const web = row.deployment?.custom_software ? await stage.web() : null
  const body: CreateDeploymentInput = {
    name: label,
    software_ids: row.deployment?.custom_software && !row.packages ? [] : software,
    device_ids: given.map(([key]) => pcs[key]!.identity.deviceId),
    ...row.deployment,
    ...(web && {
      custom_software: row.deployment!.custom_software!.map((item) => ({
        ...item,
        download_url: item.download_url.replace('{web}', web.url),
      })),
    }),
  }
  if (row.refused) {
    const reply = await stage.rest.raw('POST', '/deployments/create', body)
    expect(reply).toMatchObject({
      status: row.refused.status,
      body: { success: false, error: { code: row.refused.code } },
    })
    expect(stage.observer.count('select count(*) from deployments where name = ?', label)).toBe(0)
    return
  }
  const create = async (further: Partial<CreateDeploymentInput> = {}): Promise<DeploymentId> =>
    (await stage.rest.call('deployments.create', { body: { ...body, ...further } })).deployment_id
  const id = await create()
  const progress = () => stage.rest.call('deployments.progress', { params: { id } })
  const targets = new Map<Place, TargetId>()
  for (const target of (await progress()).targets) {
    const key = target.device_name.slice(label.length + 1)
    const n = [...targets.keys()].filter((k) => k.startsWith(`${key}/`)).length + 1
    targets.set(`${key}/${n}`, target.id)
    if (n === 1) targets.set(key, target.id)
  }
  const play: Play = { stage, id, pcs, target: (place) => targets.get(place)!, others: [], create }
  for (const step of row.steps ?? []) await step(play)
  await expectOutcome(play, row)
  for (const pc of Object.values(pcs)) pc.link?.close()
}

async function expectOutcome(play: Play, row: Row): Promise<void> {
  const { stage, id, target } = play
  const { observer } = stage
  const places = Object.entries(row.targets ?? {})
  const isSo = () =>
    observer.status(id) === row.status &&
    places.every(([place, { chain }]) => matchesChain(chain, observer.chain(target(place))))
  // What did not arrive in time is shown below, all of it.
  await eventually('the outcome', isSo).catch(() => undefined)
  const seen = {
    status: observer.status(id),
    chains: Object.fromEntries(places.map(([place]) => [place, observer.chain(target(place))])),
  }
  const wanted = {
    status: row.status,
    chains: Object.fromEntries(
      places.map(([place, { chain }]) => {
        const now = observer.chain(target(place))
        return [place, matchesChain(chain, now) ? now : chain]
      }),
    ),
  }
  expect(seen).toEqual(wanted)
  const progress = await stage.rest.call('deployments.progress', { params: { id } })
  const deployment = await stage.rest.call('deployments.get', { params: { id } })
  if (row.counts) expect(deployment.counts).toMatchObject(row.counts)
  const { counts } = deployment
  expect(progress.targets).toHaveLength(counts.total)
  for (const [place, wants] of places) {
    const found = progress.targets.find((t) => t.id === target(place))!
    const [state, reason] = wants.chain.at(-1)!.split(' ')
    expect(found.deployment_status).toBe(state)
    expect(found.reason).toBe(reason)
    if (wants.message) expect(found.result_message).toMatch(wants.message)
    if (wants.details) expect(found.error_details).toMatch(wants.details)
    if (wants.exit_code !== undefined) expect(found.exit_code).toBe(wants.exit_code)
    if (wants.attempt !== undefined) expect(found.attempt).toBe(wants.attempt)
    if (wants.attempts !== undefined) expect(observer.attempts(found.id)).toBe(wants.attempts)
    // Every failure has a message.
    if (state === 'failed' || state === 'skipped') expect(found.result_message).toMatch(/\S+/)
  }
}
