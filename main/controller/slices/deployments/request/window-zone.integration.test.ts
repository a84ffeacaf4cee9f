import { afterAll, beforeAll, expect, it } from 'vitest'
import { localDay, ownTimeZone } from '#shared/domain/time-zone.ts'
import { startTestController, type TestController } from '../../../test-kit/test-controller.ts'

let t: TestController
let body: { name: string; software_ids: never[]; device_ids: never[] }
const commands: number[] = []
beforeAll(async () => {
  t = await startTestController()
  const pc = await t.enroll('PC')
  await t.connect(pc, {
    onCommand(command, agent) {
      commands.push(command.deployment_id)
      if (command.action !== 'cancel') void agent.result(command, { status: 'success' })
    },
  })
  const { id } = await t.addScript('tool')
  body = { name: 'x', software_ids: [id] as never[], device_ids: [pc.deviceId] as never[] }
})
afterAll(() => t.stop())

/** A window from an hour before to an hour after the current time in this zone. */
function openNowIn(time_zone: string) {
  const { minutes } = localDay(time_zone, Date.now())
  const time = (m: number): string =>
    [Math.floor(m / 60) % 24, m % 60].map((n) => String(n).padStart(2, '0')).join(':')
  return { start: time(minutes + 24 * 60 - 60), end: time(minutes + 60), time_zone }
}
const create = async (maintenance_window: object) => {
  const { deployment_id: id } = await t.rest.call('deployments.create', {
    body: { ...body, maintenance_window: maintenance_window as never },
  })
  const { maintenance_window: kept } = await t.rest.call('deployments.get', { params: { id } })
  return { id, kept }
}
const reasonOf = async (id: never) =>
  (await t.rest.call('deployments.progress', { params: { id } })).targets[0]?.reason

it("opens by the clock of the window's own zone", async () => {
  // Zones at least three hours apart: the controller's own zone can agree with at most one of them.
  const zones = ['Pacific/Auckland', 'UTC', 'America/Los_Angeles', 'Asia/Tokyo']
  for (const zone of zones) {
    const { id, kept } = await create(openNowIn(zone))
    expect(kept?.time_zone).toBe(zone)
    await expect.poll(() => commands).toContain(id)
    const { start, end } = openNowIn(zone)
    const closed = await create({ start: end, end: start, time_zone: zone })
    await expect.poll(() => reasonOf(closed.id as never)).toBe('waiting_for_window')
    await t.rest.call('deployments.cancel', { params: { id: closed.id } })
  }
})
it('uses the zone of the controller when the request names none, and returns it', async () => {
  const { id, kept } = await create({ start: '22:00', end: '05:00' })
  expect(kept?.time_zone).toBe(ownTimeZone())
  await t.rest.call('deployments.cancel', { params: { id } })
})
it.each(['Mars/Olympus', '+09:00', '', 9])('is refused with %j for a zone', async (time_zone) => {
  const maintenance_window = { start: '22:00', end: '05:00', time_zone }
  const reply = await t.rest.raw('POST', '/deployments/create', { ...body, maintenance_window })
  expect(reply.status).toBe(400)
  expect(JSON.stringify(reply.body)).toContain('/maintenance_window/time_zone')
})
