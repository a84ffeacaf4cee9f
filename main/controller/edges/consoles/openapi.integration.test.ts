/**
 * The published description, used as an outsider would: every operation that it names, without a token, with another user's ids,
 * and with values of the wrong type. Operations that only the document has, and not the table of routes, are tested as well.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { rest } from '#shared/contract/rest/routes.ts'
import type { Route } from '#shared/contract/rest/route.ts'
import {
  createRestClient,
  startTestController,
  type RestClient,
  type TestController,
} from '../../test-kit/test-controller.ts'

type Operation = {
  operationId: string
  parameters?: { name: string; in: string; schema?: { pattern?: string } }[]
  requestBody?: {
    content: Record<
      string,
      { schema: { properties?: Record<string, unknown>; required?: string[] } }
    >
  }
}
type Call = { method: string; path: string; operation: Operation }

/** Operations open to everyone; each has its own protection. */
const FOR_EVERYONE = [
  'health.get',
  'auth.state',
  'auth.setup',
  'auth.login',
  'auth.refresh',
  'controller.restore',
]

let t: TestController
let otherUser: RestClient
let calls: Call[]
beforeAll(async () => {
  t = await startTestController({ timings: { presence: { connectGraceMs: 0, offlineAfterMs: 0 } } })
  // One of everything, owned by the administrator, each with the id 1.
  const { id } = await t.addScript('tool')
  const { deviceId } = await t.enroll('LAB-01')
  await t.rest.call('groups.create', { body: { name: 'All', device_ids: [deviceId] } })
  await t.rest.call('deployments.create', {
    body: { name: 'x', software_ids: [id], device_ids: [deviceId] },
  })
  const body = { username: 'stranger', password: 'correct horse', role: 'technician' } as const
  await t.rest.call('users.create', { body })
  const { token } = await t.anonymous.call('auth.login', { body })
  otherUser = createRestClient(t.controller.consoleUrl, token)
  const document = (await t.anonymous.raw('GET', '/openapi.json')).body as {
    paths: Record<string, Record<string, Operation>>
  }
  calls = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => ({
      method: method.toUpperCase(),
      path,
      operation,
    })),
  )
})
afterAll(() => t.stop())

const fill = (path: string, value: string) => path.replaceAll(/\{\w+\}/g, value)
/** Sessions have random ids; everything else is numbered. */
const someId = ({ path, operation }: Call) => {
  if (path === '/requests/{id}') return '00000000-0000-4000-8000-000000000000'
  const isText = operation.parameters?.some((p) => p.in === 'path' && p.schema?.pattern)
  return isText ? 'a'.repeat(32) : '1'
}
/** A body with the ids that the call requires. */
const idsIn = ({ operation }: Call): Record<string, number> => {
  const { required = [] } = operation.requestBody?.content['application/json']?.schema ?? {}
  return Object.fromEntries(required.filter((key) => key.endsWith('_id')).map((key) => [key, 1]))
}
const withBody = ({ method }: Call) => method !== 'GET' && method !== 'DELETE'

describe('every operation of the OpenAPI document', () => {
  it('matches the contract, and none is missing', () => {
    expect(calls.map((c) => c.operation.operationId).sort()).toEqual(Object.keys(rest).sort())
  })

  it('answers 401 without a token, except for a fixed few', async () => {
    for (const call of calls) {
      const { status } = await t.anonymous.raw(
        call.method,
        fill(call.path, '1'),
        withBody(call) ? {} : undefined,
      )
      const { operationId } = call.operation
      if (FOR_EVERYONE.includes(operationId)) expect([200, 400, 409], operationId).toContain(status)
      else expect(status, operationId).toBe(401)
    }
  })

  it('answers 403 or 404 to a technician for what another user owns', async () => {
    for (const call of calls.filter((c) => c.path.includes('{'))) {
      const { operationId } = call.operation
      const route: Route = rest[operationId as keyof typeof rest]
      const reply =
        route.transport === 'multipart'
          ? await otherUser.upload(fill(call.path, someId(call)), {
              name: 'x.sh',
              bytes: '#!/bin/sh\n',
            })
          : await otherUser.raw(
              call.method,
              fill(call.path, someId(call)),
              withBody(call) ? idsIn(call) : undefined,
            )
      // With nothing to change, the body may be refused before the user in the path is checked.
      expect([403, 404], `${operationId} -> ${JSON.stringify(reply.body)}`).toContain(reply.status)
    }
  })

  it('answers 4xx, and never 500, to values of the wrong type in path, query and body', async () => {
    const wrong = [null, true, -1, 1.5, 'x', '', [], {}, [[]], { a: { b: 1 } }, 2 ** 60]
    for (const call of calls) {
      const { operationId, parameters = [], requestBody } = call.operation
      if (['auth.logout', 'auth.logout_all', 'deployments.stop_all'].includes(operationId)) continue
      for (const value of ['abc', '-1', '0', '1.5', '1e99', 'null', '%00', "1'--"]) {
        if (!call.path.includes('{')) break
        const { status } = await t.rest.raw(
          call.method,
          fill(call.path, value),
          withBody(call) ? {} : undefined,
        )
        expect([400, 404, 415], `${operationId} ${value}`).toContain(status)
      }
      for (const { name } of parameters.filter((p) => p.in === 'query')) {
        const { status } = await t.rest.raw(
          call.method,
          `${fill(call.path, '1')}?${name}=%00&${name}=[]&${name}[a]=1`,
        )
        expect(status, `${operationId} ?${name}`).toBeLessThan(500)
      }
      const content = requestBody?.content['application/json']
      if (!content || FOR_EVERYONE.includes(operationId)) continue
      for (const key of Object.keys(content.schema.properties ?? {}))
        for (const value of wrong) {
          // An unused id, so that a value that happens to be valid changes nothing.
          const { status } = await t.rest.raw(call.method, fill(call.path, '999999'), {
            [key]: value,
          })
          expect(status, `${operationId} ${key}=${JSON.stringify(value)}`).toBeLessThan(500)
        }
      for (const body of ['[]', 'null', '"x"', '1', '{"a":', '{"__proto__":{}}'])
        expect(
          (await t.rest.raw(call.method, fill(call.path, '999999'), body)).status,
          `${operationId} ${body}`,
        ).toBeGreaterThanOrEqual(400)
    }
  })
})
