/**
 * The hub's side of the agent's link: a hub with the right keys that sends arbitrary messages to a real agent
 * process.
 */
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { inspectText, type InspectPayload } from '#shared/contract/agent/inspect.ts'
import { CommandEnvelope, CommandPayload, type DeployPayload } from '#shared/contract/agent/link.ts'
import { setStage } from '../../agent/test-kit/stage.ts'
import { short, type FuzzContext, type Send } from './context.ts'
import { packet } from './raw.ts'

const SURFACE = 'real agent, hub with its keys'
/** An agent whose link breaks backs off longer each time; keep it connected most of the time. */
const BREAKS_LINK = 0.002
const LAST_LIMIT_MS = 90_000

const WithEnvelope = z.object({ envelope: CommandEnvelope })

export type RealAgent = {
  one: Send
  rssBytes: () => number
  /** Checks whether the agent still works and reports a finding if not. */
  finish: () => Promise<void>
}

const rssOf = (pid: number | undefined): number => {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    return 1024 * Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0)
  } catch {
    return 0 // no /proc on this system, or the process has ended
  }
}

export async function startRealAgent(context: FuzzContext): Promise<RealAgent> {
  const { values } = context
  const stage = await setStage()
  const { hub } = stage
  const agent = await stage.connect()
  let isStopping = false
  void agent.ended.then((code) => {
    if (!isStopping)
      context.found('crash', `the agent ended with ${code}: ${short(agent.stderr().slice(-600))}`)
  })

  /** A genuine command without effect: a script whose package does not exist. */
  const harmless = (command: CommandPayload): unknown =>
    command.action === 'cancel'
      ? command
      : {
          ...command,
          action: 'install',
          kind: 'sh',
          file_name: 'x.sh',
          url: '/content/none',
          detection: null,
        }

  function signedPayload(): unknown {
    const fitting = values.fitting(CommandPayload) as CommandPayload
    const mine = {
      ...fitting,
      device_id: values.chance(0.7) ? 1 : fitting.device_id,
      sequence: values.chance(0.5) ? hub.nextSequence() : fitting.sequence % 1_000,
    }
    const value = values.chance(0.3) ? mine : values.broken(mine)
    const parsed = CommandPayload.safeParse(value)
    return parsed.success ? harmless(parsed.data) : value
  }
  function body(): unknown {
    const sealed = hub.seal(JSON.stringify(signedPayload()) ?? 'null')
    if (values.chance(0.3)) return values.any(WithEnvelope)
    const whole = { envelope: sealed, deployment_id: 1, target_id: 1 }
    return values.chance(0.8) ? whole : values.broken(whole)
  }

  return {
    async one() {
      const wantsAnswer = values.chance(0.8)
      context.tried(SURFACE)
      const dice = values.random()
      let isConnected: boolean
      if (dice < BREAKS_LINK)
        isConnected = values.chance(0.5)
          ? hub.emitRaw(packet(values))
          : hub.emit(values.pick(['welcome', 'challenge']), [values.nasty()], true)
      else if (dice < 0.1)
        isConnected = hub.emit('no such event', [values.nasty(), values.bytes(900)], wantsAnswer)
      else if (dice < 0.2) {
        await hub
          .inspect(
            { ...(values.broken({ detections: [null] }) as InspectPayload) },
            values.chance(0.5) ? inspectText : (text) => text,
          )
          .catch(() => undefined)
        isConnected = hub.isConnected()
      } else
        isConnected = hub.emit(
          values.pick(['deploy_software', 'cancel_deployment', 'inspect_device']),
          [body(), ...(values.chance(0.1) ? [values.nasty()] : [])],
          wantsAnswer,
        )
      // An agent answers and stores messages one after another, so give it time.
      await new Promise((resolve) => setTimeout(resolve, isConnected ? 4 : 100))
    },
    rssBytes: () => rssOf(agent.process.pid),
    async finish() {
      try {
        if (agent.process.exitCode !== null) return
        await hub.connected(LAST_LIMIT_MS)
        const last: DeployPayload = hub.payload({ sequence: Number.MAX_SAFE_INTEGER })
        const endAt = Date.now() + LAST_LIMIT_MS
        // Earlier messages may still be in its queue.
        let reply = await hub.deploy(last)
        while (!reply.accepted && reply.why === 'busy' && Date.now() < endAt) {
          await new Promise((resolve) => setTimeout(resolve, 500))
          reply = await hub.deploy(last)
        }
        if (!reply.accepted) throw new Error(`it refused: ${reply.why}`)
        const result = await hub.result(last, LAST_LIMIT_MS)
        if (result.status !== 'success') throw new Error(`it ended with ${result.message}`)
        if (hub.malformed.length > 0)
          throw new Error(`it sent a message that is not in the contract: ${hub.malformed[0]}`)
      } catch (error) {
        context.found('unanswered', `the agent does not work any more: ${short(String(error))}`)
      } finally {
        isStopping = true
        await stage.clear()
      }
    },
  }
}
