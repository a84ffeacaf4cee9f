/**
 * Blocked and removed devices stay out, whatever keys or codes they have and whenever they return.
 * Against the real controller.
 */
import { createPrivateKey, createPublicKey, sign } from 'node:crypto'
import { request } from 'node:https'
import { Writable } from 'node:stream'
import pino from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  AGENT_PROTOCOL,
  ENROLL_PATH,
  enrollText,
  type DeployPayload,
} from '#shared/contract/agent/link.ts'
import { parseEnrollmentCode } from '#shared/domain/enrollment-code.ts'
import { eventually } from '../../test-kit/scenario.ts'
import type { SimAgent, SimIdentity } from '../../test-kit/sim-agent.ts'
import { startTestController, type TestController } from '../../test-kit/test-controller.ts'

const LEASE_MS = 60_000

let t: TestController
let logged: string
let identity: SimIdentity
beforeEach(async () => {
  logged = ''
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      logged += chunk.toString()
      done()
    },
  })
  t = await startTestController({
    log: pino({ level: 'info' }, sink),
    timings: {
      presence: { connectGraceMs: 0, offlineAfterMs: 0 },
      engine: { heartbeatMs: 200, leaseMs: LEASE_MS },
    },
  })
  identity = await t.enroll('PC-12')
})
afterEach(() => t.stop())

const id = () => ({ params: { id: identity.deviceId } })
const VERBS = { block: 'devices.block', delete: 'devices.delete' } as const
type Verb = keyof typeof VERBS
const REFUSAL = { block: 'This device is blocked.', delete: 'was removed from the controller' }
const act = (verb: Verb): Promise<unknown> => t.rest.call(VERBS[verb], id())

/** A deployment whose installer is running on the PC. */
async function atWork() {
  let command: DeployPayload | null = null
  const agent = await t.connect(identity, {
    onCommand: (c) => void (command = c as DeployPayload),
  })
  const software = await t.addScript('tool')
  const { deployment_id: deployment } = await t.rest.call('deployments.create', {
    body: { name: 'tool', software_ids: [software.id], device_ids: [identity.deviceId] },
  })
  await eventually('it has its command', () => command !== null)
  await agent.progress(command!, 'installing')
  const target = async () =>
    (await t.rest.call('deployments.progress', { params: { id: deployment } })).targets[0]!
  return { agent, command: command!, deployment, target }
}
const gone = (agent: SimAgent) => eventually('the link is cut', () => !agent.socket.connected)

/** Tries to enrol with its existing key, as an agent does with a new code. */
async function enrollAgain(): Promise<{ status: number; text: string }> {
  const { code } = await t.rest.call('enrollments.create', { body: {} })
  const { secret, fingerprint } = parseEnrollmentCode(code)!
  const key = createPrivateKey(identity.privateKey)
  const public_key = createPublicKey(key).export({ type: 'spki', format: 'der' }).toString('base64')
  const text = enrollText(fingerprint, secret, public_key)
  const body = JSON.stringify({
    protocol: AGENT_PROTOCOL,
    secret,
    public_key,
    signature: sign(null, Buffer.from(text), key).toString('base64'),
    facts: {
      name: 'PC-12',
      platform: 'linux',
      arch: 'x64',
      os_version: '',
      agent_version: 'sim',
      free_disk_bytes: null,
    },
  })
  return new Promise((resolve, reject) => {
    const call = request(
      {
        host: '127.0.0.1',
        port: t.hub.port,
        path: ENROLL_PATH,
        method: 'POST',
        ca: t.hub.cert,
        servername: 'deployx.invalid',
        headers: { 'content-type': 'application/json' },
      },
      (response) => {
        let body = ''
        response.on('data', (chunk: Buffer) => (body += chunk.toString()))
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text: body }))
      },
    )
    call.on('error', reject)
    call.end(body)
  })
}

describe.each(['block', 'delete'] as const)('a device that an administrator has to %s', (verb) => {
  it('is refused on return if it was offline, and its reports are ignored', async () => {
    const { agent, command, target } = await atWork()
    agent.close()
    await eventually('it is offline', async () => !(await t.rest.call('devices.get', id())).online)
    await act(verb)
    await eventually(
      'its target has an end',
      async () => (await target()).deployment_status === 'failed',
    )
    const failed = await target()
    expect(failed).toMatchObject({ reason: 'lease_expired' })
    expect(failed.result_message).toMatch(/was removed or blocked before it reported a result/)

    let late: Promise<unknown> = Promise.resolve()
    const back = t.connect(identity, {
      attempts: () => [command.attempt_id],
      // It reports without waiting to be admitted.
      onLink: (link) => {
        late = link.socket.timeout(2_000).emitWithAck('deployment_result', {
          deployment_id: command.deployment_id,
          target_id: command.target_id,
          attempt: command.attempt,
          attempt_id: command.attempt_id,
          status: 'success',
          message: 'from the blocked one',
          exit_code: 0,
        })
        late.catch(() => undefined)
      },
    })
    await expect(back).rejects.toThrow(REFUSAL[verb])
    await expect(late).rejects.toThrow()
    expect(await target()).toEqual(failed)
    expect(logged).toContain('an agent was refused')
    expect(logged).toMatch(/"attempts":1/)
  })

  it('is cut off immediately if it is working, and its target states that the outcome is unknown', async () => {
    const { agent, target, deployment } = await atWork()
    const startedMs = performance.now()
    await act(verb)
    await gone(agent)
    expect(performance.now() - startedMs).toBeLessThan(LEASE_MS / 2)
    await eventually(
      'its target has an end',
      async () => (await target()).deployment_status === 'failed',
    )
    expect(await target()).toMatchObject({
      reason: 'lease_expired',
      result_message:
        'PC-12 was removed or blocked before it reported a result, so the result is unknown.',
    })
    const { status } = await t.rest.call('deployments.get', { params: { id: deployment } })
    expect(status).toBe('failed')
  })

  it('does not get a waiting command, neither before nor after it returns', async () => {
    const software = await t.addScript('tool')
    const { deployment_id: deployment } = await t.rest.call('deployments.create', {
      body: {
        name: 'tool',
        software_ids: [software.id],
        device_ids: [identity.deviceId],
        offline_policy: 'wait',
      },
    })
    await act(verb)
    await eventually('it is skipped', async () => {
      const { targets } = await t.rest.call('deployments.progress', { params: { id: deployment } })
      return targets[0]!.reason === 'device_deleted'
    })
    let commands = 0
    const back = t.connect(identity, { onCommand: () => void commands++ })
    await expect(back).rejects.toThrow(REFUSAL[verb])
    expect(commands).toBe(0)
  })
})

it('a blocked device that is allowed again may report how its installer ended', async () => {
  const { agent, command, target } = await atWork()
  await act('block')
  await gone(agent)
  await eventually(
    'its target has an end',
    async () => (await target()).deployment_status === 'failed',
  )
  await t.rest.call('devices.approve', id())
  const back = await t.connect(identity, { attempts: () => [command.attempt_id] })
  await back.result(command, { message: 'Installed.' })
  expect(await target()).toMatchObject({ deployment_status: 'completed', attempt: 1 })
})

it('a blocked key is refused with a new code, even after its device was removed', async () => {
  await act('block')
  expect(await enrollAgain()).toMatchObject({
    status: 403,
    text: expect.stringContaining('E_DEVICE_REFUSED') as string,
  })
  await expect(t.connect(identity)).rejects.toThrow(REFUSAL.block)
  await act('delete')
  expect(await enrollAgain()).toMatchObject({
    status: 403,
    text: expect.stringContaining('E_DEVICE_REFUSED') as string,
  })
  await expect(t.connect(identity)).rejects.toThrow(REFUSAL.delete)
})

it('a removed device may return with a new code, because a user created that code', async () => {
  await act('delete')
  expect((await enrollAgain()).status).toBe(200)
  await t.connect(identity)
  expect(await t.rest.call('devices.get', id())).toMatchObject({ approved: true, online: true })
})
