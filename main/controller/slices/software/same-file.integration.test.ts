import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeDeb } from '../../test-kit/packages.ts'
import {
  createRestClient,
  startTestController,
  type RestClient,
  type TestController,
} from '../../test-kit/test-controller.ts'

type Entry = { id: number; existing?: true; name: string }
const SCRIPT = '#!/bin/sh\necho same\n'

let t: TestController
beforeAll(async () => {
  t = await startTestController()
})
afterAll(() => t.stop())

const put = async (
  fields: Record<string, string> = {},
  rest: RestClient = t.rest,
  name = 'tool.sh',
): Promise<Entry> => {
  const reply = await rest.upload('/software', { name, bytes: SCRIPT }, fields)
  expect(reply.status).toBe(200)
  return reply.body as Entry
}

async function signInAs(username: string, role: 'admin' | 'technician'): Promise<RestClient> {
  const password = 'correct horse'
  await t.rest.call('users.create', { body: { username, password, role } })
  const { token } = await t.anonymous.call('auth.login', { body: { username, password } })
  return createRestClient(t.controller.consoleUrl, token)
}

describe('the same file again', () => {
  it('returns the existing entry, marked as existing', async () => {
    const first = await put({ name: 'One' })
    expect(first.existing).toBeUndefined()
    const again = await put({ name: 'One' })
    expect(again).toMatchObject({ id: first.id, existing: true })
    expect((await t.rest.call('software.list', {})).software).toHaveLength(1)
  })

  it.each([
    ['another name', { name: 'Two' }],
    ['another version', { name: 'One', version: '2' }],
    ['other arguments', { name: 'One', install_args: '--all' }],
    ['another platform', { name: 'One', platform: 'macos' }],
    ['another detection rule', { name: 'One', detection: '{"type":"dpkg","name":"one"}' }],
  ])('is a new entry under %s', async (_what, fields) => {
    const made = await put(fields)
    expect(made.existing).toBeUndefined()
    expect(await put(fields)).toMatchObject({ id: made.id, existing: true })
  })

  it('also counts as the same after its entry was corrected', async () => {
    const made = await put({}, t.rest, 'setup.sh')
    await t.rest.call('software.update', {
      params: { id: made.id },
      body: { name: 'Setup' },
    })
    expect(await put({}, t.rest, 'setup.sh')).toMatchObject({ id: made.id, existing: true })
    expect(await put({ name: 'Setup' })).toMatchObject({ id: made.id, existing: true })
  })

  it('is a new entry once the old one was removed', async () => {
    const made = await put({ name: 'Gone' })
    await t.rest.call('software.delete', { params: { id: made.id } })
    const again = await put({ name: 'Gone' })
    expect(again.existing).toBeUndefined()
    expect(again.id).not.toBe(made.id)
  })

  it('reveals nothing about entries of others', async () => {
    const ben = await signInAs('ben', 'technician')
    const mine = await put({ name: 'Shared' })
    const ofBen = await put({ name: 'Shared' }, ben)
    expect(ofBen.existing).toBeUndefined()
    expect(ofBen.id).not.toBe(mine.id)
  })

  it('is listed beside the entry of an administrator, but not beside one of a technician', async () => {
    const [eve, fay] = [await signInAs('eve', 'technician'), await signInAs('fay', 'technician')]
    const shared = await put({ name: 'Listed' })
    const ofEve = await put({ name: 'Listed' }, eve)
    const ofFay = await put({ name: 'Listed' }, fay)
    const listed = async (rest: RestClient) => {
      const { software } = await rest.call('software.list', {})
      return software.filter(({ name }) => name === 'Listed').map(({ id }) => id)
    }
    expect(await listed(eve)).toEqual([shared.id, ofEve.id])
    expect(await listed(fay)).toEqual([shared.id, ofFay.id])
  })

  it('under another file name is a new entry, named after that file', async () => {
    const first = await put({}, t.rest, 'copied.sh')
    const second = await put({}, t.rest, 'copied (1).sh')
    expect(second).toMatchObject({ name: 'copied (1)' })
    expect([second.existing, second.id === first.id]).toEqual([undefined, false])
  })

  it('is the same entry for every administrator', async () => {
    const cleo = await signInAs('cleo', 'admin')
    const first = await put({ name: 'Office' })
    expect(await put({ name: 'Office' }, cleo)).toMatchObject({ id: first.id, existing: true })
  })

  it('of a technician does not keep an administrator from offering it to everyone', async () => {
    const dan = await signInAs('dan', 'technician')
    const ofDan = await put({ name: 'Private' }, dan)
    expect((await put({ name: 'Private' })).id).not.toBe(ofDan.id)
  })

  it('is a single entry even when it arrives several times at the same time', async () => {
    const made = await Promise.all([1, 2, 3].map(() => put({ name: 'Race' })))
    expect(new Set(made.map(({ id }) => id)).size).toBe(1)
  })
})

describe('versions of one product', () => {
  it('share a product id, whatever they are called', async () => {
    const control = (version: string) =>
      `Package: probe\nVersion: ${version}\nArchitecture: all\nMaintainer: x\n`
    const deb = async (version: string, fields: Record<string, string> = {}) => {
      const bytes = new Uint8Array(await makeDeb({ control: control(version) }))
      const reply = await t.rest.upload('/software', { name: `${version}.deb`, bytes }, fields)
      return reply.body as Entry & { product_id: string }
    }
    const first = await deb('1.0')
    const second = await deb('2.0', { name: 'Renamed' })
    expect(second.id).not.toBe(first.id)
    expect([first.product_id, second.product_id]).toEqual(['dpkg:probe', 'dpkg:probe'])
    const { software } = await t.rest.call('software.list', {})
    expect(software.filter(({ product_id }) => product_id === 'dpkg:probe')).toHaveLength(2)
  })
})
