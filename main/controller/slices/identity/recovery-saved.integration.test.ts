/** The time of the last recovery file, which decides whether to remind the user to save one. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { startTestController, type TestController } from '../../test-kit/test-controller.ts'

let t: TestController
beforeEach(async () => {
  t = await startTestController()
})
afterEach(() => t.stop())

const look = () => t.rest.call('controller.identity', {})
const save = (passphrase: string) => t.rest.raw('POST', '/controller/recovery-file', { passphrase })

it('the time of the last recovery file survives a restart and a key change', async () => {
  expect(await look()).toMatchObject({ recovery_saved: false, recovery_saved_at: null })
  expect((await save('a long way from home')).status).toBe(200)
  const { recovery_saved, recovery_saved_at } = await look()
  expect(recovery_saved).toBe(true)
  expect(Math.abs(Date.now() - Date.parse(recovery_saved_at!))).toBeLessThan(60_000)
  // A file that could not be created does not count.
  expect((await save('another passphrase')).status).toBe(403)
  expect((await look()).recovery_saved_at).toBe(recovery_saved_at)

  const { changed_at } = await t.rest.call('controller.rotate', { body: { command: true } })
  expect(changed_at! > recovery_saved_at!).toBe(true)
  await t.restart()
  expect(await look()).toMatchObject({ recovery_saved_at, changed_at })

  // Whatever this file contains, the keys can be inspected.
  writeFileSync(join(t.dataDir, 'recovery-saved.json'), '{"saved_at":7')
  expect(await look()).toMatchObject({ recovery_saved: true, recovery_saved_at: null })
})
