/** Tests the check itself: a broken check would accept everything. */
import { describe, expect, it } from 'vitest'
import { createReplyCheck, replyCheck } from './reply-check.ts'

const object = (properties: object) => ({
  type: 'object',
  properties,
  required: Object.keys(properties),
  additionalProperties: false,
})
const failure = object({
  success: { const: false },
  error: { type: 'object' },
})
const json = (schema: object) => ({ content: { 'application/json': { schema } } })
const check = createReplyCheck({
  paths: {
    '/things/{id}': {
      get: {
        operationId: 'things.get',
        responses: {
          200: json(
            object({ id: { type: 'integer' }, at: { type: 'string', format: 'date-time' } }),
          ),
          '4XX': json(failure),
        },
      },
    },
    '/things/all': {
      get: { operationId: 'things.all', responses: { 200: json({ type: 'array' }) } },
    },
    '/list.csv': {
      get: {
        operationId: 'list',
        responses: { 200: { content: { 'text/csv': { schema: { type: 'string' } } } } },
      },
    },
  },
})
const JSON_TYPE = 'application/json; charset=utf-8'
const answer = (status: number, body: unknown, contentType: string | null = JSON_TYPE) => ({
  status,
  body,
  contentType,
})
const thing = { id: 1, at: '2026-01-02T03:04:05.678Z' }
const error = (code: string) => ({ success: false, error: { code, message: 'x', details: [] } })

describe('the check of a reply', () => {
  it.each([
    ['GET', '/things/7?x=1', answer(200, thing)],
    ['GET', '/things/7', answer(404, error('E_NOT_FOUND'))],
    ['GET', '/things/all', answer(200, [])],
    ['GET', '/list.csv', answer(200, 'a,b', 'text/csv; charset=utf-8')],
    ['GET', '/elsewhere', answer(200, 'a page', 'text/html')],
    ['DELETE', '/things/7', answer(200, 'not described')],
  ])('accepts %s %s', (method, path, reply) => {
    expect(() => check(method, path, reply)).not.toThrow()
  })

  it.each([
    ['a field that is missing', '/things/7', answer(200, { id: 1 })],
    ['a field too many', '/things/7', answer(200, { ...thing, secret: 1 })],
    ['a value of the wrong type', '/things/7', answer(200, { ...thing, id: '1' })],
    ['a value of the wrong format', '/things/7', answer(200, { ...thing, at: 'today' })],
    ['a status that is not described', '/things/7', answer(500, error('E_INTERNAL'))],
    ['another media type', '/list.csv', answer(200, 'a,b', 'text/plain')],
    ['no media type', '/list.csv', answer(200, 'a,b', null)],
    ['a code of another status', '/things/7', answer(404, error('E_VALIDATION'))],
    ['a reply that fits only another path', '/things/all', answer(200, thing)],
  ])('refuses %s', (_what, path, reply) => {
    expect(() => check('GET', path, reply)).toThrow(/unlike \/openapi\.json/)
  })

  it('is active in every test of this run', () => {
    const reply = answer(200, { status: 'fine', version: '1' })
    expect(() => replyCheck()!('GET', '/health', reply)).toThrow(/health\.get answers 200/)
  })
})
