import { expect, it } from 'vitest'
import { createLossyLines } from './lossy-lines.ts'

/** A channel with limited room that can stall, and records what it accepted. */
function createChannel(backlogBytes?: number) {
  let taken = ''
  const state = { room: Infinity, stalled: false }
  const retries: (() => void)[] = []
  const lines = createLossyLines({
    write(bytes) {
      if (state.stalled) throw new Error('stalled')
      if (state.room === 0) throw new Error('full')
      const count = Math.min(bytes.length, state.room)
      state.room -= count
      taken += Buffer.from(bytes.subarray(0, count)).toString()
      return count
    },
    isStalled: (error) => (error as Error).message === 'stalled',
    retry: (again) => retries.push(again),
    encode: (text) => Buffer.from(text),
    droppedLine: (count) => `${count} dropped\n`,
    ...(backlogBytes !== undefined && { backlogBytes }),
  })
  return {
    lines,
    state,
    retries,
    taken: () => taken,
    retry: () => retries.splice(0).forEach((again) => again()),
  }
}

it('writes lines immediately and in order', () => {
  const channel = createChannel()
  for (const line of ['one\n', 'zwölf\n', 'three\n']) channel.lines.write(line)
  expect(channel.taken()).toBe('one\nzwölf\nthree\n')
})

it('drops lines while there is no room, and reports how many once there is', () => {
  const channel = createChannel()
  channel.lines.write('one\n')
  channel.state.room = 0
  for (const line of ['two\n', 'three\n', 'four\n']) channel.lines.write(line)
  channel.state.room = Infinity
  channel.lines.write('five\n')
  channel.lines.write('six\n')
  expect(channel.taken()).toBe('one\n3 dropped\nfive\nsix\n')
})

it('ends a partial line before it writes the next', () => {
  const channel = createChannel()
  channel.state.room = 2
  channel.lines.write('one\n')
  channel.state.room = Infinity
  channel.lines.write('two\n')
  expect(channel.taken()).toBe('on\n1 dropped\ntwo\n')
})

it('counts correctly if the report itself does not fit', () => {
  const channel = createChannel()
  channel.state.room = 0
  channel.lines.write('one\n')
  channel.state.room = 4
  channel.lines.write('two\n') // the report is cut off
  channel.state.room = Infinity
  channel.lines.write('three\n')
  expect(channel.taken()).toBe('1 dr\n2 dropped\nthree\n')
})

it('keeps lines for a slow reader, within its limit', () => {
  const channel = createChannel(10)
  channel.state.stalled = true
  for (const line of ['one\n', 'two\n', 'three\n', 'four\n']) channel.lines.write(line)
  expect(channel.taken()).toBe('')
  expect(channel.retries).toHaveLength(1)
  channel.retry()
  expect(channel.retries).toHaveLength(1)
  channel.state.stalled = false
  channel.retry()
  expect(channel.taken()).toBe('one\ntwo\n2 dropped\n')
  channel.lines.write('five\n')
  expect(channel.taken()).toBe('one\ntwo\n2 dropped\nfive\n')
})

it('keeps to its limit while the reader is stalled', () => {
  const channel = createChannel(1_000)
  channel.state.stalled = true
  for (let n = 0; n < 10_000; n++) channel.lines.write('x'.repeat(50) + '\n')
  channel.state.stalled = false
  channel.retry()
  expect(channel.taken().length).toBeLessThan(1_100)
  expect(channel.taken()).toMatch(/ dropped\n$/)
})
