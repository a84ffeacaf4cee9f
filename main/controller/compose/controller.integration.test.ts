/**
 * The real controller over its real edges: REST, feed, TLS hub; light agents speak the real
 * protocol.
 */
import { createHash } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { DeploymentCompleted } from '#shared/contract/feed.ts'
import type { DeploymentId } from '#shared/domain/ids.ts'
import { until } from '#shared/test-kit/until.ts'
import type { SimAgent } from '../test-kit/sim-agent.ts'
import { startTestController, type TestController } from '../test-kit/test-controller.ts'
import { createWorkedClock } from '../test-kit/worked-clock.ts'

/** Short timeouts for tests, on a clock of their own; the logic is the same. */
const QUICK = {
  presence: { connectGraceMs: 0, offlineAfterMs: 0 },
  engine: {
    leaseMs: 1_000,
    ackTimeoutMs: 3_000,
    offerRetryMs: 50,
    busyRetryMs: 50,
    heartbeatMs: 100,
  },
}

const clock = createWorkedClock()
let t: TestController
beforeEach(async () => {
  t = await startTestController({ timings: QUICK, clock })
})
afterEach(async () => {
  await t.stop()
})

const untilEnded = (id: DeploymentId) =>
  until('the deployment has ended', async () => {
    const deployment = await t.rest.call('deployments.get', { params: { id } })
    if (!deployment.ended_at) return null
    return { deployment, progress: await t.rest.call('deployments.progress', { params: { id } }) }
  })
const stateOf = (id: DeploymentId, state: string) =>
  until(`the targets are ${state}`, async () => {
    const { targets } = await t.rest.call('deployments.progress', { params: { id } })
    return targets.every((target) => target.deployment_status === state) && targets
  })
/** Downloads, installs and reports success. */
const obedient: Parameters<TestController['connect']>[1] = {
  onCommand: (command, agent) => {
    if (command.action === 'cancel') return
    void agent
      .progress(command, 'downloading', 1)
      .then(() => agent.progress(command, 'installing'))
      .then(() => agent.output(command, 1, 'Setting up…\n'))
      .then(() => agent.result(command, {}))
      // The test ends before the last acknowledgement arrives.
      .catch(() => undefined)
  },
}
async function deploy(
  names: string[],
  options: Parameters<TestController['connect']>[1] = obedient,
) {
  const software = await t.addScript('tool')
  const identities = []
  const agents: SimAgent[] = []
  for (const name of names) {
    const identity = await t.enroll(name)
    identities.push(identity)
    agents.push(await t.connect(identity, options))
  }
  const { deployment_id } = await t.rest.call('deployments.create', {
    body: {
      name: 'Tool',
      software_ids: [software.id],
      device_ids: identities.map((i) => i.deviceId),
    },
  })
  return { id: deployment_id, software, identities, agents }
}

describe('a deployment', () => {
  it('reaches every online device, records the results and completes', async () => {
    const feed = t.feed()
    const completed = new Promise<DeploymentCompleted>((resolve) =>
      feed.on('deployment_completed', resolve),
    )
    const { id } = await deploy(['LAB-01', 'LAB-02'])
    const { deployment, progress } = await untilEnded(id)
    expect(deployment.status).toBe('completed')
    expect(progress).toMatchObject({ total_targets: 2, completed: 2, failed: 0, success_rate: 100 })
    expect(progress.targets[0]).toMatchObject({
      deployment_status: 'completed',
      exit_code: 0,
      attempt: 1,
      result_message: 'Installed.',
    })
    const output = await t.rest.call('deployments.output', {
      params: { id, target_id: progress.targets[0]!.id },
    })
    expect(output).toMatchObject({ text: 'Setting up…\n', last_seq: 1 })
    expect(await completed).toMatchObject({
      deployment_id: id,
      status: 'completed',
      success_count: 2,
      failure_count: 0,
      total_count: 2,
    })
  })

  it('that removes software reports removal for its targets, at its end and in its report', async () => {
    const completed = new Promise<DeploymentCompleted>((resolve) =>
      t.feed().on('deployment_completed', resolve),
    )
    const software = await t.addScript('tool')
    const identity = await t.enroll('LAB-01')
    await t.connect(identity, {
      onCommand: (command, agent) =>
        void (command.action === 'uninstall' && agent.result(command, { exit_code: 0 })),
    })
    const { deployment_id: id } = await t.rest.call('deployments.create', {
      body: {
        name: 'Friday',
        action: 'uninstall',
        software_ids: [software.id],
        device_ids: [identity.deviceId],
      },
    })
    const { progress } = await untilEnded(id)
    expect(progress.targets).toMatchObject([{ action: 'uninstall' }])
    // Nothing is downloaded for it.
    expect(progress.targets[0]).not.toHaveProperty('total_bytes')
    expect(await completed).toMatchObject({ deployment_id: id, action: 'uninstall' })
    const csv = (await t.rest.raw('GET', `/deployments/${id}/report.csv`)).body as string
    const [head, line] = csv.split('\r\n')
    expect(head).toMatch(/,Restart,Action$/)
    expect(line).toMatch(/,0,0: removed,.*,remove$/)
  })

  it('has everything that the agent uses in the signed payload', async () => {
    const { agents, software } = await deploy(['LAB-01'])
    await expect.poll(() => agents[0]!.commands.length).toBe(1)
    const installer = software.installers[0]!
    expect(agents[0]!.commands[0]).toMatchObject({
      action: 'install',
      kind: 'sh',
      argv: [],
      sha256: createHash('sha256').update('#!/bin/sh\nexit 0\n').digest('hex'),
      size_bytes: installer.size_bytes,
      timeout_seconds: 3600,
      attempt: 1,
      sequence: 1,
    })
  })

  it('fails the offline device with a message, and continues with the others', async () => {
    const absent = await t.enroll('RECEPTION')
    const { software } = await deploy(['LAB-01'])
    const here = (await t.rest.call('devices.list', {})).devices.find((d) => d.online)!
    const { deployment_id } = await t.rest.call('deployments.create', {
      body: { name: 'Both', software_ids: [software.id], device_ids: [here.id, absent.deviceId] },
    })
    const { deployment, progress } = await untilEnded(deployment_id)
    expect(deployment.status).toBe('partial')
    expect(progress.targets.find((x) => x.device_name === 'RECEPTION')).toMatchObject({
      deployment_status: 'failed',
      reason: 'offline',
      result_message: 'RECEPTION is offline.',
      result_code: 'offline',
      result_params: { device: 'RECEPTION' },
    })
    expect(progress.targets.find((x) => x.device_name === 'LAB-01')).toMatchObject({
      deployment_status: 'completed',
    })
  })

  it('records a failure with its code, message and output, and a retry makes a second attempt', async () => {
    let tries = 0
    const { id } = await deploy(['LAB-01'], {
      onCommand: (command, agent) => {
        if (command.action === 'cancel') return
        tries++
        void agent.result(
          command,
          tries === 1
            ? {
                status: 'failed',
                exit_code: 1,
                reason: 'install_failed',
                message: 'It broke.',
                error_details: 'boom',
              }
            : {},
        )
      },
    })
    const first = await untilEnded(id)
    expect(first.deployment.status).toBe('failed')
    expect(first.progress.targets[0]).toMatchObject({
      reason: 'install_failed',
      exit_code: 1,
      error_details: 'boom',
      attempt: 1,
    })
    await t.rest.call('deployments.retry', { params: { id }, body: {} })
    const second = await untilEnded(id)
    expect(second.deployment.status).toBe('completed')
    expect(second.progress.targets[0]).toMatchObject({ deployment_status: 'completed', attempt: 2 })
  })

  it('ends with the device that reports immediately that the software is already installed', async () => {
    const feed = t.feed()
    const statuses: string[] = []
    feed.on('deployment_updated', (d) => statuses.push(d.status))
    const { id } = await deploy(['LAB-01'], {
      onCommand: (command, agent) => {
        if (command.action === 'cancel') return
        void agent.result(command, {
          status: 'skipped',
          reason: 'already_installed',
          message: 'There.',
        })
      },
    })
    const { deployment, progress } = await untilEnded(id)
    expect(deployment.status).toBe('completed')
    expect(progress.targets[0]).toMatchObject({
      deployment_status: 'skipped',
      reason: 'already_installed',
    })
    await expect.poll(() => statuses.at(-1)).toBe('completed')
  })

  it('ignores a result that was already recorded, and one of an unknown attempt', async () => {
    const { id, agents } = await deploy(['LAB-01'])
    await untilEnded(id)
    const command = agents[0]!.commands[0]!
    if (command.action === 'cancel') throw new Error('unexpected')
    expect(await agents[0]!.result(command, { status: 'failed', message: 'again' })).toEqual({
      committed: true,
    })
    await agents[0]!.result(
      { ...command, attempt_id: '0'.repeat(32) as typeof command.attempt_id },
      { status: 'failed', message: 'made up' },
    )
    const { progress } = await untilEnded(id)
    expect(progress.targets[0]).toMatchObject({
      deployment_status: 'completed',
      result_message: 'Installed.',
    })
  })

  it("does not accept one device's result from another", async () => {
    const { id, agents } = await deploy(['LAB-01', 'LAB-02'], {})
    await stateOf(id, 'downloading')
    const command = agents[0]!.commands[0]!
    if (command.action === 'cancel') throw new Error('unexpected')
    await agents[1]!.result(command, {})
    const { targets } = await t.rest.call('deployments.progress', { params: { id } })
    expect(targets.every((x) => x.deployment_status === 'downloading')).toBe(true)
  })

  it('times out a silent device, and accepts its late result', async () => {
    const { id, identities, agents } = await deploy(['LAB-01'], {
      onCommand: (command, agent) =>
        void (command.action !== 'cancel' && agent.progress(command, 'installing')),
    })
    await stateOf(id, 'installing')
    const command = agents[0]!.commands[0]!
    if (command.action === 'cancel') throw new Error('unexpected')
    agents[0]!.close()
    const { deployment, progress } = await untilEnded(id)
    expect(deployment.status).toBe('failed')
    expect(progress.targets[0]).toMatchObject({
      deployment_status: 'failed',
      reason: 'lease_expired',
    })
    const again = await t.connect(identities[0]!, { attempts: () => [command.attempt_id] })
    await again.result(command, {})
    const late = await untilEnded(id)
    expect(late.deployment.status).toBe('completed')
    expect(late.progress.targets[0]).toMatchObject({ deployment_status: 'completed', attempt: 1 })
  })

  it('offers the same attempt again if the first offer got no reply', async () => {
    let silent = true
    const { id, agents } = await deploy(['LAB-01'], {
      ...obedient,
      answer: () => {
        if (!silent) return { accepted: true }
        silent = false
        return null
      },
    })
    await untilEnded(id)
    const [first, second] = agents[0]!.commands
    expect(second!.attempt_id).toBe(first!.attempt_id)
    expect(second!.sequence).toBeGreaterThan(first!.sequence)
    expect(second!.attempt).toBe(1)
  })

  it('continues after a restart of the controller and records what ended meanwhile', async () => {
    const { id, identities, agents } = await deploy(['LAB-01'], {
      onCommand: (command, agent) =>
        void (command.action !== 'cancel' && agent.progress(command, 'installing')),
    })
    await stateOf(id, 'installing')
    const command = agents[0]!.commands[0]!
    if (command.action === 'cancel') throw new Error('unexpected')
    await t.restart()
    const again = await t.connect(identities[0]!, { attempts: () => [command.attempt_id] })
    await again.result(command, {})
    expect((await untilEnded(id)).deployment.status).toBe('completed')
    expect(again.commands).toEqual([])
  })

  it('reports an unknown outcome if the agent has lost its journal', async () => {
    const { id, identities, agents } = await deploy(['LAB-01'], {
      onCommand: (command, agent) =>
        void (command.action !== 'cancel' && agent.progress(command, 'installing')),
    })
    await stateOf(id, 'installing')
    agents[0]!.close()
    await t.connect(identities[0]!, { attempts: () => [] })
    const { progress } = await untilEnded(id)
    expect(progress.targets[0]).toMatchObject({
      deployment_status: 'failed',
      reason: 'interrupted',
    })
  })

  it('can be cancelled: pending targets are skipped, running installations end and are recorded', async () => {
    const absent = await t.enroll('RECEPTION')
    const { software, identities, agents } = await deploy(['LAB-01'])
    await expect.poll(async () => (await t.rest.call('stats.get', {})).deployments.active).toBe(0)
    agents[0]!.close()
    const slow = await t.connect(identities[0]!, {
      onCommand: (command, agent) =>
        void (command.action !== 'cancel' && agent.progress(command, 'installing')),
    })
    const { deployment_id: id } = await t.rest.call('deployments.create', {
      body: {
        name: 'Slow',
        software_ids: [software.id],
        device_ids: [identities[0]!.deviceId, absent.deviceId],
        offline_policy: 'wait',
      },
    })
    await expect
      .poll(
        async () => (await t.rest.call('deployments.get', { params: { id } })).counts.installing,
      )
      .toBe(1)
    const canceled = await t.rest.call('deployments.cancel', { params: { id } })
    expect(canceled).toMatchObject({ status: 'in_progress', canceling: true })
    await expect.poll(() => slow.commands.map((c) => c.action)).toEqual(['install', 'cancel'])
    const command = slow.commands[0]!
    if (command.action === 'cancel') throw new Error('unexpected')
    await slow.result(command, {})
    const { deployment, progress } = await untilEnded(id)
    expect(deployment).toMatchObject({ status: 'canceled' })
    expect(progress.targets.find((x) => x.device_name === 'LAB-01')).toMatchObject({
      deployment_status: 'completed',
    })
    expect(progress.targets.find((x) => x.device_name === 'RECEPTION')).toMatchObject({
      deployment_status: 'skipped',
      reason: 'canceled',
    })
  })

  it('waits for another deployment on the same device', async () => {
    const { software, identities, agents } = await deploy(['LAB-01'], {})
    await expect.poll(() => agents[0]!.commands.length).toBe(1)
    const { deployment_id } = await t.rest.call('deployments.create', {
      body: { name: 'Second', software_ids: [software.id], device_ids: [identities[0]!.deviceId] },
    })
    await expect
      .poll(
        async () =>
          (await t.rest.call('deployments.progress', { params: { id: deployment_id } })).targets[0],
      )
      .toMatchObject({ deployment_status: 'pending', reason: 'device_busy' })
    const first = agents[0]!.commands[0]!
    if (first.action === 'cancel') throw new Error('unexpected')
    await agents[0]!.result(first, {})
    await expect.poll(() => agents[0]!.commands.length).toBe(2)
    expect(agents[0]!.commands[1]).toMatchObject({ deployment_id })
  })

  it('skips devices without an installer for their platform', async () => {
    const reply = await t.rest.upload(
      '/software',
      { name: 'setup.sh', bytes: '#!/bin/sh\n' },
      { arch: 'arm64' },
    )
    const { id: softwareId } = reply.body as { id: never }
    const identity = await t.enroll('LAB-01')
    await t.connect(identity)
    const preflight = await t.rest.call('deployments.preflight', {
      body: { name: 'x', software_ids: [softwareId], device_ids: [identity.deviceId] },
    })
    expect(preflight.targets).toMatchObject([{ outcome: 'will_skip', reason: 'no_installer' }])
    const { deployment_id } = await t.rest.call('deployments.create', {
      body: { name: 'x', software_ids: [softwareId], device_ids: [identity.deviceId] },
    })
    const { deployment, progress } = await untilEnded(deployment_id)
    expect(deployment.status).toBe('completed')
    expect(progress.targets[0]).toMatchObject({
      deployment_status: 'skipped',
      reason: 'no_installer',
    })
    expect(progress.success_rate).toBeNull()
  })

  it('sends nothing to a removed device, and refuses its agent', async () => {
    const { identities, agents } = await deploy(['LAB-01'])
    const gone = new Promise((resolve) => agents[0]!.socket.on('refused', resolve))
    await t.rest.call('devices.delete', { params: { id: identities[0]!.deviceId } })
    expect(await gone).toMatchObject({ retry: false })
    await expect(t.connect(identities[0]!)).rejects.toThrow(/removed/)
  })
})
