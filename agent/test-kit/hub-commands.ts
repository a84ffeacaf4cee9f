/**
 * The test hub's commands and requests: created, signed with its command key, sent to the connected agent.
 */
import { createHash, randomBytes, sign, type KeyObject } from 'node:crypto'
import type { Socket } from 'socket.io'
import { InspectReply, inspectText, type InspectPayload } from '#shared/contract/agent/inspect.ts'
import {
  CommandReply,
  commandText,
  type CommandPayload,
  type DeployPayload,
} from '#shared/contract/agent/link.ts'
import { RestartReply, restartText, type RestartPayload } from '#shared/contract/agent/restart.ts'
import {
  AttemptId,
  Sha256,
  type DeploymentId,
  type DeviceId,
  type TargetId,
} from '#shared/domain/ids.ts'
import { serveBytes, type Served } from './serve-bytes.ts'

export type Sealed = { payload: string; signature: string; key_id: string }

export const KEY_ID = 'test-key'

/** @param content the bytes that the hub serves, by path; filled here */
export function createHubCommands(deps: {
  key: KeyObject
  content: Map<string, Served>
  live: () => Socket | null
}) {
  const { key, content } = deps
  let sequence = 0

  function connected(): Socket {
    const socket = deps.live()
    if (!socket) throw new Error('no agent is connected')
    return socket
  }
  /** The signed text is `payload` itself if it is a string. */
  function sealFor(purpose: (text: string) => string, payload: unknown, by = key): Sealed {
    const text = typeof payload === 'string' ? payload : JSON.stringify(payload)
    const signature = sign(null, Buffer.from(purpose(text)), by).toString('base64')
    return { payload: text, signature, key_id: KEY_ID }
  }
  const seal = (payload: unknown, by?: KeyObject): Sealed => sealFor(commandText, payload, by)
  /** The payload of a command; defaults to what a plain shell script needs. */
  function payload(part: Partial<DeployPayload> & { content?: Buffer } = {}): DeployPayload {
    const { content: bytes = Buffer.from('#!/bin/sh\nexit 0\n'), ...rest } = part
    const sha256 = Sha256.parse(createHash('sha256').update(bytes).digest('hex'))
    const path = `/content/${sha256}`
    if (!content.has(path)) content.set(path, serveBytes(bytes))
    return {
      device_id: 1 as DeviceId,
      deployment_id: 7 as DeploymentId,
      target_id: 70 as TargetId,
      attempt: 1,
      attempt_id: AttemptId.parse(randomBytes(16).toString('hex')),
      sequence: ++sequence,
      issued_at: new Date().toISOString(),
      action: 'install',
      software_name: 'Test software',
      kind: 'sh',
      archive: null,
      file_name: 'setup.sh',
      argv: [],
      verbatim: false,
      url: path,
      sha256,
      size_bytes: bytes.length,
      success_exit_codes: [],
      detection: null,
      timeout_seconds: 60,
      reboot: 'never',
      allow_removals: false,
      conditions: { on_battery: true, on_metered: true },
      ...rest,
    }
  }
  const ask = (event: string, body: unknown): Promise<unknown> =>
    connected().timeout(60_000).emitWithAck(event, body)
  const order = async (event: string, body: unknown): Promise<CommandReply> =>
    CommandReply.parse(await ask(event, body))

  return {
    seal,
    payload,
    /** Sequences that this agent has already accepted: commands continue above them. */
    continueAbove(lastSequence: number): void {
      sequence = Math.max(sequence, lastSequence)
    },
    /** Seals and sends a payload. */
    deploy: (command: CommandPayload, envelope: Sealed = seal(command)) =>
      order('deploy_software', {
        deployment_id: command.deployment_id,
        target_id: command.target_id,
        software_name: 'for people',
        download_url: '/not/acted/on',
        install_args: '',
        attempt: command.attempt,
        envelope,
      }),
    /** Requests the state of the PC, with a signature for inspections (or the one that the test passes). */
    inspect: async (
      request: Partial<InspectPayload> & Pick<InspectPayload, 'detections'>,
      purpose: (text: string) => string = inspectText,
    ): Promise<InspectReply> => {
      const payload = { device_id: 1, issued_at: new Date().toISOString(), ...request }
      const envelope = sealFor(purpose, payload)
      return InspectReply.parse(await ask('inspect_device', { envelope }))
    },
    /** Orders a restart, or cancels one, with a signature for that (or the one that the test passes). */
    restart: async (
      payload: RestartPayload,
      purpose: (text: string) => string = restartText,
    ): Promise<RestartReply> => {
      const envelope = sealFor(purpose, payload)
      return RestartReply.parse(await ask('restart_device', { deployment_id: 7, envelope }))
    },
    cancel: (command: DeployPayload) => {
      const { device_id, deployment_id, target_id, attempt, attempt_id } = command
      const cancel = { device_id, deployment_id, target_id, attempt, attempt_id }
      const issued_at = new Date().toISOString()
      return order('cancel_deployment', {
        deployment_id,
        target_id,
        envelope: seal({ ...cancel, sequence: ++sequence, issued_at, action: 'cancel' }),
      })
    },
    nextSequence: () => ++sequence,
    lastSequence: () => sequence,
  }
}
