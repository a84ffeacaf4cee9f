import { expect, it } from 'vitest'
import { createTransportChoice } from './feed-transports.ts'

it('tries WebSocket first, and long polling first after a failed attempt', () => {
  const choice = createTransportChoice()
  expect(choice.next()).toEqual(['websocket', 'polling'])
  choice.failed()
  expect(choice.next()).toEqual(['polling', 'websocket'])
  choice.failed()
  expect(choice.next()).toEqual(['websocket', 'polling'])
})

it('drops WebSockets after two short connections in a row, but not after one or after long ones', () => {
  const choice = createTransportChoice()
  const live = (ms: number, transport = 'websocket') => {
    choice.connected(0)
    choice.lost(ms, transport)
  }
  live(1_000)
  live(60_000)
  live(1_000)
  expect(choice.next()).toEqual(['websocket', 'polling'])
  live(1_000, 'polling')
  expect(choice.next()).toEqual(['websocket', 'polling'])
  live(1_000)
  expect(choice.next()).toEqual(['polling'])
})
