/** One restart under any sequence of events from people, agents and time, using only the pure plan and the state table. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { isRestartOpen, nextRestartState, type RestartState } from '#shared/domain/restart-state.ts'
import { ENGINE_TIMINGS } from '../timings.ts'
import { answered } from './answer.ts'
import { isUnwanted, planRestart, type RestartSnapshot } from './plan-restart.ts'

const MINUTE = 60_000
type Step =
  | { t: 'time'; minutes: number }
  | { t: 'device'; device: Partial<RestartSnapshot['device']> }
  | { t: 'deployment'; deployment: Partial<RestartSnapshot['deployment']> }
  | { t: 'answer'; result: 'announced' | 'busy' | 'refused' | 'called_off' | 'passed' | 'none' }
  | { t: 'boot' }
const bool = fc.boolean()
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ t: fc.constant('time' as const), minutes: fc.integer({ min: 1, max: 2_000 }) }),
  fc.record({
    t: fc.constant('device' as const),
    device: fc.oneof(
      fc.record({ works: bool }),
      fc.record({ isAwaited: bool }),
      fc.record({ restartsElsewhere: bool }),
      fc.record({
        reachability: fc.constantFrom('online' as const, 'connecting' as const, 'offline' as const),
      }),
    ),
  }),
  fc.record({
    t: fc.constant('deployment' as const),
    deployment: fc.oneof(
      fc.record({ paused: bool }),
      fc.record({ canceling: bool }),
      fc.record({ restartsCanceled: bool }),
    ),
  }),
  fc.record({
    t: fc.constant('answer' as const),
    result: fc.constantFrom(
      'announced' as const,
      'busy' as const,
      'refused' as const,
      'called_off' as const,
      'passed' as const,
      'none' as const,
    ),
  }),
  fc.constant({ t: 'boot' as const }),
)

/** Plays the steps; `order` and `send` see what the plan asks for. Returns the final state. */
function play(
  steps: readonly Step[],
  reboot: 'never' | 'if_needed',
  look: { order: (s: RestartSnapshot) => void; send: (s: RestartSnapshot) => void },
): RestartState {
  let nowMs = 1_000_000_000
  let boot = 1
  let sent: 'order' | 'withdrawal' | null = null
  let state: RestartState = 'owed'
  const s: RestartSnapshot = {
    restart: {
      state: 'owed',
      reason: null,
      withdrawalReason: null,
      bootId: null,
      createdAtMs: nowMs,
      readySinceMs: null,
      notBeforeMs: null,
      orderedAtMs: null,
      dueAtMs: null,
      askedAtMs: null,
    },
    deployment: {
      status: 'completed',
      reboot,
      canceling: false,
      paused: false,
      restartsCanceled: false,
      window: null,
      offlinePolicy: 'fail',
      waitMs: 0,
      delayMs: 10 * MINUTE,
    },
    device: {
      name: 'PC',
      refused: false,
      reachability: 'online',
      ability: { possible: true, boot_id: 'boot-1' },
      works: false,
      isAwaited: false,
      restartsElsewhere: false,
    },
  }
  const go = (to: RestartState | null) => {
    expect(to).not.toBeNull()
    state = to!
    if (isRestartOpen(state)) s.restart.state = state
  }
  function settle(): void {
    for (let n = 0; isRestartOpen(state); n++) {
      // It settles: the plan does not go on forever.
      expect(n).toBeLessThan(6)
      const action = planRestart(s, nowMs, ENGINE_TIMINGS)
      if (!action) return
      switch (action.type) {
        case 'wait':
          s.restart.reason = action.reason
          break
        case 'note_boot':
          s.restart.bootId = action.bootId
          break
        case 'note_ready':
          s.restart.readySinceMs = nowMs
          break
        case 'order':
          look.order(s)
          Object.assign(s.restart, {
            orderedAtMs: nowMs,
            dueAtMs: nowMs + s.deployment.delayMs,
            askedAtMs: null,
          })
          go(nextRestartState(state, 'ordered'))
          break
        case 'withdraw':
          Object.assign(s.restart, { withdrawalReason: action.why, askedAtMs: null })
          break
        case 'send':
          look.send(s)
          sent = s.restart.withdrawalReason ? 'withdrawal' : 'order'
          s.restart.askedAtMs = nowMs
          return
        case 'end':
          go(nextRestartState(state, action.event))
      }
    }
  }
  for (const next of steps) {
    if (!isRestartOpen(state)) break
    if (next.t === 'time') nowMs += next.minutes * MINUTE
    else if (next.t === 'device') Object.assign(s.device, next.device)
    else if (next.t === 'deployment') Object.assign(s.deployment, next.deployment)
    else if (next.t === 'boot') s.device.ability = { possible: true, boot_id: `boot-${++boot}` }
    else if (sent && next.result !== 'none') {
      const reply = { result: next.result, due_in_seconds: 600, message: 'no' } as const
      const row = { state, calling_off: s.restart.withdrawalReason }
      const result = answered(row, sent, reply, nowMs, ENGINE_TIMINGS)
      sent = null
      if (result?.change.due_at_ms) s.restart.dueAtMs = result.change.due_at_ms
      if (result?.event) go(nextRestartState(state, result.event))
    }
    settle()
  }
  if (steps.length === 0) settle()
  return state
}
const check = (look: (steps: Step[]) => void) =>
  fc.assert(fc.property(fc.array(step, { maxLength: 40 }), look), { numRuns: 2_000 })

it('is ordered only for a deployment that restarts PCs, on an idle online PC, in the boot that it is to end', () => {
  let orders = 0
  check((steps) => {
    play(steps, 'if_needed', {
      order({ restart, deployment, device }) {
        orders++
        expect(restart.state).toBe('owed')
        expect(isUnwanted(deployment) || deployment.paused).toBe(false)
        expect(device).toMatchObject({
          reachability: 'online',
          works: false,
          isAwaited: false,
          restartsElsewhere: false,
        })
        expect(device.ability).toEqual({ possible: true, boot_id: restart.bootId })
      },
      send: () => undefined,
    })
  })
  expect(orders).toBeGreaterThan(100)
})

it('is never ordered nor sent for a deployment that never restarts PCs', () => {
  const never = () => expect.unreachable('an order')
  check((steps) => void play(steps, 'never', { order: never, send: never }))
})

it('sends an agent nothing before the order is stored, and no order once it is unwanted', () => {
  let sends = 0
  check((steps) => {
    play(steps, 'if_needed', {
      order: () => undefined,
      send({ restart, deployment }) {
        sends++
        expect(restart.state).not.toBe('owed')
        expect(restart.bootId).not.toBeNull()
        if (restart.withdrawalReason === null) expect(isUnwanted(deployment)).toBe(false)
      },
    })
  })
  expect(sends).toBeGreaterThan(100)
})

it('ends within its limits once only time passes, whatever happened before', () => {
  check((steps) => {
    const rest: Step[] = Array.from({ length: 60 }, () => ({ t: 'time', minutes: 12 * 60 }))
    const state = play([...steps, ...rest], 'if_needed', {
      order: () => undefined,
      send: () => undefined,
    })
    expect(isRestartOpen(state)).toBe(false)
  })
})
