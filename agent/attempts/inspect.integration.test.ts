/** What a PC answers before a deployment, over a real link. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { commandText } from '#shared/contract/agent-link.ts'
import { DeviceId } from '#shared/domain/ids.ts'
import { countingScript, countRuns, setStage, type Stage } from '../test-kit/stage.ts'

let stage: Stage
beforeEach(async () => {
  stage = await setStage()
  await stage.connect()
})
afterEach(() => stage.clear())

it('tells what is there, in the order of the question, and how much room is left', async () => {
  const { hub, rootPath } = stage
  mkdirSync(join(rootPath, 'opt'), { recursive: true })
  writeFileSync(join(rootPath, 'opt', 'tool'), 'x')
  const answer = await hub.inspect({
    detections: [{ type: 'file', path: '/opt/tool' }, null, { type: 'file', path: '/opt/other' }],
  })
  expect(answer).toMatchObject({
    ok: true,
    busy: false,
    presences: ['present', 'unknown', 'absent'],
  })
  expect(answer.ok && answer.free_disk_bytes).toBeGreaterThan(0)
})

it('says that it is busy while an installer runs', async () => {
  const { hub, rootPath } = stage
  const command = hub.payload({ content: countingScript('sleep 2') })
  await hub.deploy(command)
  await hub.until('it runs', () => countRuns(rootPath) === 1)
  expect(await hub.inspect({ detections: [] })).toMatchObject({ ok: true, busy: true })
  await hub.result(command)
  expect(await hub.inspect({ detections: [] })).toMatchObject({ ok: true, busy: false })
})

it('answers nobody but its own controller, and takes no command for a question', async () => {
  const { hub } = stage
  expect(await hub.inspect({ detections: [] }, commandText)).toEqual({
    ok: false,
    message: 'The signature of the question is not valid.',
  })
  expect(await hub.inspect({ detections: [], device_id: DeviceId.parse(2) })).toEqual({
    ok: false,
    message: 'The question is for device 2.',
  })
})
