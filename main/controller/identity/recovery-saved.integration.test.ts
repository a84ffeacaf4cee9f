/** What is known of the last recovery file: whether a person has to be told to save one. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { startTestController, type TestController } from '../test-kit/test-controller.ts'

let t: TestController
beforeEach(async () => {
  t = await startTestController()
})
afterEach(() => t.stop())

const look = () => t.rest.call('controller.identity', {})
const save = (passphrase: string) => t.rest.raw('POST', '/controller/recovery-file', { passphrase })

it('the time of the last recovery file is kept over a restart and a change of keys', async () => {
  expect(await look()).toMatchObject({ recovery_saved: false, recovery_saved_at: null })
  expect((await save('a long way from home')).status).toBe(200)
  const { recovery_saved, recovery_saved_at } = await look()
  expect(recovery_saved).toBe(true)
  expect(Math.abs(Date.now() - Date.parse(recovery_saved_at!))).toBeLessThan(60_000)
  // A file that was not made is not counted.
  expect((await save('another passphrase')).status).toBe(403)
  expect((await look()).recovery_saved_at).toBe(recovery_saved_at)

  const { changed_at } = await t.rest.call('controller.rotate', { body: { command: true } })
  expect(changed_at! > recovery_saved_at!).toBe(true)
  await t.restart()
  expect(await look()).toMatchObject({ recovery_saved_at, changed_at })

  // Whatever stands there, the keys can be looked at.
  writeFileSync(join(t.dataDir, 'recovery-saved.json'), '{"saved_at":7')
  expect(await look()).toMatchObject({ recovery_saved: true, recovery_saved_at: null })
})
