import { expect, it } from 'vitest'
import { createTransportChoice } from './feed-transports.ts'

it('tries the WebSocket first, and long polling first after an attempt that came to nothing', () => {
  const choice = createTransportChoice()
  expect(choice.next()).toEqual(['websocket', 'polling'])
  choice.failed()
  expect(choice.next()).toEqual(['polling', 'websocket'])
  choice.failed()
  expect(choice.next()).toEqual(['websocket', 'polling'])
})

it('gives WebSockets up once two in a row were cut soon, and not for one, or for long ones', () => {
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
