/** The controller's keys change, and real agents follow. */
import { cpSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openOwnControllers, type OwnControllers } from '../../test-kit/own-controllers.ts'

let own: OwnControllers
beforeEach(() => {
  own = openOwnControllers()
})
afterEach(() => own.remove())

describe('new keys', () => {
  it.each([
    ['of the hub', { tls: true, command: false }],
    ['for commands', { tls: false, command: true }],
    ['for both', { tls: true, command: true }],
  ])('%s: agents follow, and deployments continue', async (_what, body) => {
    const controller = await own.start('a')
    const rest = await own.signIn(controller, 'setup')
    await own.addAgent(rest)
    const before = await rest.call('controller.identity', {})
    const after = await rest.call('controller.rotate', { body })
    expect(after.fingerprint === before.fingerprint).toBe(!body.tls)
    expect(after.key_id === before.key_id).toBe(!body.command)
    expect(after).toMatchObject({ generation: 0, epoch: 1 })
    expect(controller.fingerprint).toBe(after.fingerprint)
    await own.until(async () => (await own.online(rest)) === 1)
    expect(await own.deploys(rest)).toBe('completed')
    // And again, based on what the agent has stored.
    await rest.call('controller.rotate', { body })
    expect(await own.deploys(rest)).toBe('completed')
    await own.until(async () => (await rest.call('controller.identity', {})).devices_followed === 1)
  })

  it('reach an agent that was offline during several changes, and a restarted controller still has them', async () => {
    let controller = await own.start('a')
    const port = own.portOf(controller)
    const agent = await own.addAgent(await own.signIn(controller, 'setup'))
    await agent.kill()
    const rest = await own.signIn(controller)
    for (let i = 0; i < 3; i++)
      await rest.call('controller.rotate', { body: { tls: i !== 1, command: i !== 0 } })
    const { fingerprint } = controller
    await own.stop(controller)
    controller = await own.start('a', port)
    expect(controller.fingerprint).toBe(fingerprint)
    agent.restart()
    const again = await own.signIn(controller)
    await own.until(async () => (await own.online(again)) === 1)
    expect(await own.deploys(again)).toBe('completed')
  })

  it('invalidate older codes, as the reply states', async () => {
    const controller = await own.start('a')
    const rest = await own.signIn(controller, 'setup')
    await rest.call('enrollments.create', { body: {} })
    await rest.call('controller.rotate', { body: { tls: true } })
    expect((await rest.call('enrollments.list', {})).enrollments).toMatchObject([{ revoked: true }])
    expect((await rest.raw('POST', '/controller/identity/rotate', {})).status).toBe(400)
    const { entries } = await rest.call('audit.list', { query: {} })
    expect(entries.map(({ action }) => action)).toContain('controller.rotate_keys')
  })
})

describe('a crash during a key exchange', () => {
  it('leaves the old keys or the new ones, never none', async () => {
    const first = await own.start('a')
    const rest = await own.signIn(first, 'setup')
    const old = first.fingerprint
    const at = (...names: string[]): string => join(own.folder, 'a', ...names)
    cpSync(at('keys'), join(own.folder, 'old-keys'), { recursive: true })
    await rest.call('controller.rotate', { body: { tls: true } })
    const renewed = first.fingerprint
    await own.stop(first)
    cpSync(at('keys'), join(own.folder, 'new-keys'), { recursive: true })
    /** What each moment leaves on disk: `keys`, `keys.next` (complete or not), `keys.last`. */
    const moments: [string, string | null, [string, boolean] | null, string | null, string][] = [
      ['while the new set is written', 'old', ['new', false], null, old],
      ['before the first rename', 'old', ['new', true], null, renewed],
      ['between the renames', null, ['new', true], 'old', renewed],
      ['after the second rename', 'new', null, 'old', renewed],
      ['with the new set lost', null, null, 'old', old],
    ]
    for (const [what, keys, next, last, expected] of moments) {
      for (const name of ['keys', 'keys.next', 'keys.last'])
        rmSync(at(name), { recursive: true, force: true })
      const put = (which: string, name: string): void =>
        cpSync(join(own.folder, `${which}-keys`), at(name), { recursive: true })
      if (keys) put(keys, 'keys')
      if (last) put(last, 'keys.last')
      if (next) put(next[0], 'keys.next')
      if (next?.[1]) writeFileSync(at('keys.next', 'whole'), '')
      const controller = await own.start('a')
      expect(controller.fingerprint, what).toBe(expected)
      expect(readdirSync(at()).filter((name) => name.startsWith('keys'))).toEqual(['keys'])
      await own.stop(controller)
    }
  })
})
