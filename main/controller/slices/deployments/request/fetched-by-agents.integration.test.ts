import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { DeployPayload } from '#shared/contract/agent/link.ts'
import { startTestController, type TestController } from '../../../test-kit/test-controller.ts'

const SHA = 'd'.repeat(64)
const SECRET = 'S3cr3tOfTheServer'
let t: TestController
beforeEach(async () => void (t = await startTestController()))
afterEach(() => t.stop())

it('a package that PCs download themselves is named in the command, and the controller never asks for it', async () => {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(request.url!)
    response.end('x')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  try {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/tool.sh?token=${SECRET}`
    const identity = await t.enroll('LAB-01')
    const agent = await t.connect(identity, {
      onCommand: (command) => {
        if (command.action !== 'cancel') void agent.result(command, {}).catch(() => undefined)
      },
    })
    const create = (item: object) =>
      t.rest.raw('POST', '/deployments/create', {
        name: 'direct',
        device_ids: [identity.deviceId],
        custom_software: [{ name: 'tool', download_url: url, fetch_by: 'agents', ...item }],
      })
    expect(await create({})).toMatchObject({
      status: 400,
      body: { error: { details: [{ path: '/custom_software/0/sha256' }] } },
    })
    const { body } = await create({ sha256: SHA })
    const { deployment_id: id } = body as { deployment_id: number }
    await expect
      .poll(async () => (await t.rest.raw('GET', `/deployments/${id}`)).body)
      .toMatchObject({ status: 'completed' })
    const [command] = agent.commands as DeployPayload[]
    expect(command).toMatchObject({ url, sha256: SHA, size_bytes: null, kind: 'sh' })
    expect(asked).toEqual([])
    const audit = JSON.stringify((await t.rest.raw('GET', '/audit?limit=50')).body)
    expect(audit).toContain(SHA)
    // An address may hold a secret: the audit log keeps it without its query, and a hash of it all.
    const hash = createHash('sha256').update(url).digest('hex')
    const exported = await Promise.all(
      ['csv', 'jsonl'].map(async (form) => (await t.rest.raw('GET', `/audit/export.${form}`)).body),
    )
    for (const text of [audit, ...exported.map((body) => JSON.stringify(body))]) {
      expect(text).toContain('/tool.sh')
      expect(text).toContain(hash)
      expect(text).not.toContain(SECRET)
    }
  } finally {
    server.close()
  }
})
