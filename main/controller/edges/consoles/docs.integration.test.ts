import { request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { validate } from '@readme/openapi-parser'
import { Validator } from '@seriousme/openapi-schema-validator'
import pino from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ErrorReason } from '#shared/contract/error-reasons.ts'
import { systemClock } from '#shared/node/clock.ts'
import { rest, type RouteName } from '#shared/contract/rest/routes.ts'
import type { Route } from '#shared/contract/rest/route.ts'
import { createServedNames } from './served-names.ts'
import { createConsoleServer, type AllHandlers } from './server.ts'

type Server = Awaited<ReturnType<typeof createConsoleServer>>
let server: Server
beforeAll(async () => {
  server = await createConsoleServer({
    jwtSecret: 'of these tests alone, and long enough',
    names: createServedNames('127.0.0.1', systemClock),
    tls: null,
    allowedOrigins: [],
    rendererDir: null,
    whenWritable: () => Promise.resolve(),
    version: '1.2.3',
    clock: systemClock,
    log: pino({ level: 'silent' }),
  })
  const names = Object.keys(rest) as RouteName[]
  const handlers = Object.fromEntries(names.map((name) => [name, () => ({})]))
  await server.mount(
    handlers as unknown as AllHandlers,
    { authenticate: () => 'over', isOpen: () => false, refused: () => undefined },
    {
      once: () => undefined,
      find: () => Promise.reject(new Error('not asked for')) as never,
      stop: () => undefined,
    },
  )
  await server.app.ready()
})
afterAll(async () => await server.app.close())

const get = (url: string, headers: Record<string, string> = {}) =>
  server.app.inject({ method: 'GET', url, headers: { host: '127.0.0.1:7481', ...headers } })

type Operation = {
  operationId: string
  security?: object[]
  responses: Record<string, object>
  requestBody?: {
    content: Record<
      string,
      { schema: { properties?: Record<string, object>; required?: string[] } }
    >
  }
}
type Document = {
  openapi: string
  info: { version: string }
  paths: Record<string, Record<string, Operation>>
}

describe('the description of the REST surface', () => {
  it('is OpenAPI 3.1, and two validators accept it', async () => {
    const document = (await get('/openapi.json')).json<Document>()
    expect(document.openapi).toBe('3.1.0')
    const copy = (): Document => structuredClone(document)
    const first = await new Validator().validate(copy())
    expect(first.errors, JSON.stringify(first.errors)).toBeUndefined()
    const second = await validate(copy() as unknown as Parameters<typeof validate>[0])
    expect(second.valid, JSON.stringify(second)).toBe(true)
    expect(JSON.stringify(document)).not.toContain('"nullable"')
  })

  it('lists the situations behind the errors', async () => {
    const { body } = await get('/openapi.json')
    expect(body).toContain(
      `"reason":{"type":"string","enum":${JSON.stringify(ErrorReason.options)}`,
    )
  })

  it('describes what every upload takes and every export returns', async () => {
    const { paths } = (await get('/openapi.json')).json<Document>()
    for (const name of Object.keys(rest) as RouteName[]) {
      const route: Route = rest[name]
      const operation =
        paths[route.path.replaceAll(/:(\w+)/g, '{$1}')]?.[route.method.toLowerCase()]
      const answer = operation?.responses['200'] as { content?: Record<string, object> } | undefined
      expect(Object.keys(answer?.content ?? {}), name).toEqual([route.media ?? 'application/json'])
      if (route.transport !== 'multipart') continue
      const form = operation?.requestBody?.content['multipart/form-data']?.schema
      expect(form?.properties?.['file'], name).toMatchObject({ type: 'string', format: 'binary' })
      expect(form?.required, name).toContain('file')
    }
  })

  it('names every route of the contract, without a token', async () => {
    const reply = await get('/openapi.json')
    expect(reply.statusCode).toBe(200)
    expect(reply.headers['content-type']).toMatch(/^application\/json/)
    const document = reply.json<Document>()
    expect(document.openapi).toMatch(/^3\./)
    expect(document.info.version).toBe('1.2.3')
    for (const name of Object.keys(rest) as RouteName[]) {
      const { path, method, access } = rest[name]
      const place = document.paths[path.replaceAll(/:(\w+)/g, '{$1}')]
      const operation = place?.[method.toLowerCase()]
      expect(operation?.operationId, name).toBe(name)
      expect(operation?.security !== undefined, name).toBe(access !== 'none')
      expect(Object.keys(operation?.responses ?? {}), name).toContain('4XX')
    }
    expect(Object.keys(document.paths)).not.toContain('/openapi.json')
  })

  it('is readable as a page whose files exist and are allowed by its policy', async () => {
    const page = await get('/docs')
    expect(page.statusCode).toBe(200)
    expect(page.headers['content-type']).toMatch(/^text\/html/)
    expect(page.headers['content-security-policy']).toContain("default-src 'self'")
    expect(page.headers['x-content-type-options']).toBe('nosniff')
    const files = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1]!)
    expect(files.length).toBeGreaterThan(3)
    for (const file of files) {
      expect(file).toMatch(/^[./]/)
      const url = new URL(file, 'http://127.0.0.1/docs').pathname
      expect((await get(url)).statusCode, file).toBe(200)
    }
    const document = await get('/docs/json')
    expect(Object.keys(document.json<Document>().paths).length).toBeGreaterThan(10)
  })

  it.each(['/docs/nothing', '/docs/static/..%2f..%2fpackage.json', '/docs/static/nothing.js'])(
    'has nothing at %s, and answers with the error body of the surface',
    async (url) => {
      const reply = await get(url)
      expect(reply.statusCode).toBe(404)
      expect(reply.json()).toMatchObject({ success: false, error: { code: 'E_NOT_FOUND' } })
    },
  )

  it('refuses foreign pages and foreign names', async () => {
    expect((await get('/openapi.json', { origin: 'https://evil.example' })).statusCode).toBe(403)
    expect((await get('/docs', { host: 'evil.example' })).statusCode).toBe(403)
  })

  it('leads to no route of the controller', async () => {
    await server.app.listen({ host: '127.0.0.1', port: 0 })
    const { port } = server.app.server.address() as AddressInfo
    // Sent unchanged: fetch and inject would both remove the dots from the path.
    const status = await new Promise((resolve, reject) => {
      const sent = request({ host: '127.0.0.1', port, path: '/docs/../health' })
      sent.once('error', reject)
      sent.once('response', (response) => {
        response.resume()
        resolve(response.statusCode)
      })
      sent.end()
    })
    expect(status).toBe(404)
  })
})
