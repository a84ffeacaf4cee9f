/**
 * A light agent for tests and benchmarks: speaks the real protocol over real TLS with real
 * signatures, and installs nothing. The caller decides what it does with a command.
 */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  sign,
  verify,
} from 'node:crypto'
import { Agent, request } from 'node:https'
import { io, type Socket } from 'socket.io-client'
import {
  InspectPayload,
  inspectText,
  type InspectReplyInput,
} from '#shared/contract/agent/inspect.ts'
import {
  AGENT_NAMESPACE,
  AGENT_PROTOCOL,
  agentProofText,
  CommandPayload,
  commandText,
  ENROLL_PATH,
  EnrollReply,
  enrollText,
  hubProofText,
  type AgentFacts,
  type AgentToHub,
  type CommandEnvelope,
  type CommandReply,
  type DeployPayload,
  type DeploymentResult,
  type HubToAgent,
  type ReportReply,
} from '#shared/contract/agent/link.ts'
import { RULE_TYPES_READ } from '#shared/contract/detection.ts'
import { splitDoneText, splitProofText, splitText } from '#shared/contract/agent/split.ts'
import { UpdatePayload, updateText } from '#shared/contract/agent/update.ts'
import type { TargetReason } from '#shared/domain/reasons.ts'
import {
  RestartPayload,
  restartText,
  type RestartAbility,
  type RestartReply,
} from '#shared/contract/agent/restart.ts'
import { parseEnrollmentCode } from '#shared/domain/enrollment-code.ts'
import type { AttemptId, DeviceId } from '#shared/domain/ids.ts'
import { EVENT_LIMIT_MS } from '#shared/test-kit/until.ts'

/** The name in the hub's certificate; see keys.ts. */
const HUB_NAME = 'deployx.invalid'

export type SimIdentity = {
  deviceId: DeviceId
  name: string
  /** PKCS #8, PEM */
  privateKey: string
  commandKey: string
  fingerprint: string
}
export type SimHub = { port: number; /** the hub's certificate, PEM */ cert: string }

const factsOf = (name: string): AgentFacts => ({
  name,
  platform: 'linux',
  arch: 'x64',
  os_version: 'Debian 12',
  agent_version: 'sim',
  free_disk_bytes: 50 * 1024 ** 3,
})

function post(
  hub: SimHub,
  path: string,
  body: unknown,
): Promise<{ status: number; body: unknown }> {
  return new Promise((resolve, reject) => {
    const call = request(
      {
        host: '127.0.0.1',
        port: hub.port,
        path,
        method: 'POST',
        ca: hub.cert,
        servername: HUB_NAME,
        headers: { 'content-type': 'application/json' },
      },
      (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (chunk: string) => (text += chunk))
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) as unknown }),
        )
      },
    )
    call.on('error', reject)
    call.end(JSON.stringify(body))
  })
}

/** @throws Error with the hub's reply if it refuses */
export async function enrollSimAgent(
  hub: SimHub,
  code: string,
  name: string,
): Promise<SimIdentity> {
  const parsed = parseEnrollmentCode(code)
  if (!parsed) throw new Error('not an enrolment code')
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const public_key = publicKey.export({ type: 'spki', format: 'der' }).toString('base64')
  const text = enrollText(parsed.fingerprint, parsed.secret, public_key)
  const answer = await post(hub, ENROLL_PATH, {
    protocol: AGENT_PROTOCOL,
    secret: parsed.secret,
    public_key,
    signature: sign(null, Buffer.from(text), privateKey).toString('base64'),
    facts: factsOf(name),
  })
  if (answer.status !== 200) throw new Error(`enrolment refused: ${JSON.stringify(answer.body)}`)
  const reply = EnrollReply.parse(answer.body)
  return {
    deviceId: reply.device_id,
    name,
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    commandKey: reply.command_key,
    fingerprint: parsed.fingerprint,
  }
}

/** A new key, as the real agent stores it while it is being separated. PKCS #8, PEM. */
export const newSimKey = (): string =>
  generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
const publicKeyOf = (pem: string): string =>
  createPublicKey(createPrivateKey(pem)).export({ type: 'spki', format: 'der' }).toString('base64')

export type SimAgent = {
  socket: Socket<HubToAgent, AgentToHub>
  /** Resolves once the hub has welcomed it. */
  welcomed: Promise<void>
  /** Resolves once the hub has made it another device. */
  split: Promise<SimIdentity>
  /** Commands received and verified, in order. */
  commands: CommandPayload[]
  /** Restart orders and their withdrawals, received and verified. */
  restarts: RestartPayload[]
  result: (command: DeployPayload, result: Partial<DeploymentResult>) => Promise<ReportReply>
  progress: (
    command: DeployPayload,
    phase: 'downloading' | 'verifying' | 'installing',
    bytes?: number,
    reason?: TargetReason,
  ) => Promise<ReportReply>
  output: (command: DeployPayload, seq: number, text: string) => Promise<ReportReply>
  /** Reports its facts again. */
  reportFacts: () => Promise<ReportReply>
  close: () => void
}

const roomEnough = ({ detections }: InspectPayload): InspectReplyInput => ({
  ok: true,
  free_disk_bytes: 50 * 1024 ** 3,
  reboot_pending: false,
  busy: false,
  presences: detections.map((rule) => (rule ? 'absent' : 'unknown')),
})

export function connectSimAgent(
  hub: SimHub,
  identity: SimIdentity,
  options: {
    /** What it does with an accepted command. Default: nothing. */
    onCommand?: (command: CommandPayload, agent: SimAgent) => void
    /** Its reply. Default: accepted. */
    answer?: (command: CommandPayload) => CommandReply | null
    /** Attempts that it claims to hold. */
    attempts?: () => AttemptId[]
    reconnection?: boolean
    /**
     * Its reply to a query before a deployment; null: none. Default: enough space, nothing
     * installed.
     */
    inspect?: (question: InspectPayload) => InspectReplyInput | null
    /**
     * Accepts commands without verifying them: with hundreds of agents in one process, verification
     * would dominate.
     */
    trusting?: boolean
    /** The hardware id that it reports. Default: none. */
    hardwareId?: string
    /** Its link lingers: it does not answer when the hub checks whether it is alive. */
    lingers?: boolean
    /** Its restart ability. Default: none, as an agent of an earlier version. */
    restart?: RestartAbility
    /** The detection rules that it can read; null: it reports none, as an agent of an earlier version. Default: all. */
    ruleTypes?: readonly string[] | null | undefined
    /** Its reply to a restart order; null: none. Default: it is announced. */
    onRestart?: (payload: RestartPayload) => RestartReply | null
    /** The key that it uses when it is separated. Default: a new one. */
    nextKey?: string
    /** Dies when it is asked to get a new identity, or when it receives it. */
    diesAt?: 'split' | 'split_done'
    /** Additional facts that it reports. */
    facts?: () => Partial<AgentFacts>
    /** Its reply to an update order; null: none. Default: it does not know such orders. */
    update?: (order: UpdatePayload) => CommandReply | null
  } = {},
): SimAgent {
  const key = createPrivateKey(identity.privateKey)
  const commandKey = createPublicKey({
    key: Buffer.from(identity.commandKey, 'base64'),
    format: 'der',
    type: 'spki',
  })
  const socket: SimAgent['socket'] = io(`https://127.0.0.1:${hub.port}${AGENT_NAMESPACE}`, {
    transports: ['websocket'],
    forceNew: true,
    reconnection: options.reconnection ?? false,
    reconnectionDelay: 100,
    perMessageDeflate: false as never,
    // Actually verified: the hub's own certificate is the only authority, under the name that it
    // contains.
    agent: new Agent({ ca: hub.cert, servername: HUB_NAME }) as never,
  })
  let lastSequence = 0
  let hubProof = ''
  let nonces: [hub: string, mine: string] = ['', '']
  let welcome: () => void
  let refuse: (error: Error) => void
  const welcomed = new Promise<void>((resolve, reject) => ([welcome, refuse] = [resolve, reject]))
  welcomed.catch(() => undefined)

  socket.on('challenge', ({ nonce }, ack) => {
    const mine = randomBytes(32).toString('hex')
    hubProof = hubProofText(identity.fingerprint, nonce, mine, identity.deviceId)
    nonces = [nonce, mine]
    const text = agentProofText(identity.fingerprint, nonce, mine, identity.deviceId)
    ack({
      protocol: AGENT_PROTOCOL,
      device_id: identity.deviceId,
      nonce: mine,
      signature: sign(null, Buffer.from(text), key).toString('base64'),
      last_sequence: lastSequence,
      attempts: options.attempts?.() ?? [],
      hardware_id: options.hardwareId ?? null,
      ...(options.ruleTypes !== null && {
        rule_types: [...(options.ruleTypes ?? RULE_TYPES_READ)],
      }),
      ...(options.restart && { restart: options.restart }),
      facts: { ...factsOf(identity.name), ...options.facts?.() },
    })
  })
  socket.on('welcome', ({ signature }, ack) => {
    const ok = verify(null, Buffer.from(hubProof), commandKey, Buffer.from(signature, 'base64'))
    ack({ ok })
    if (ok) welcome()
    else refuse(new Error('the hub did not prove itself'))
  })
  const nextKey = options.nextKey ?? newSimKey()
  const nextPublicKey = publicKeyOf(nextKey)
  let becomes: (identity: SimIdentity) => void
  const split = new Promise<SimIdentity>((resolve) => (becomes = resolve))
  const isGenuine = (text: string, signature: string): boolean =>
    verify(null, Buffer.from(text), commandKey, Buffer.from(signature, 'base64'))
  socket.on('still_there', (ack) => (options.lingers ? undefined : ack({ ok: true })))
  socket.on('split', ({ signature }, ack) => {
    if (options.diesAt === 'split') return socket.disconnect()
    if (!isGenuine(splitText(identity.fingerprint, ...nonces, identity.deviceId), signature))
      throw new Error("a separation that is not the hub's")
    const proof = splitProofText(identity.fingerprint, ...nonces, identity.deviceId, nextPublicKey)
    ack({
      public_key: nextPublicKey,
      signature: sign(null, Buffer.from(proof), createPrivateKey(nextKey)).toString('base64'),
    })
  })
  socket.on('split_done', ({ device_id, signature }, ack) => {
    if (options.diesAt === 'split_done') return socket.disconnect()
    const { fingerprint, deviceId } = identity
    const ok = isGenuine(
      splitDoneText(fingerprint, ...nonces, deviceId, device_id, nextPublicKey),
      signature,
    )
    ack({ ok })
    if (ok) becomes({ ...identity, deviceId: device_id, privateKey: nextKey })
  })
  socket.on('refused', ({ message }) => refuse(new Error(message)))
  socket.on('connect_error', (error) => refuse(error))

  function take(envelope: CommandEnvelope, ack: (reply: CommandReply) => void): void {
    const genuine = () =>
      verify(
        null,
        Buffer.from(commandText(envelope.payload)),
        commandKey,
        Buffer.from(envelope.signature, 'base64'),
      )
    if (!options.trusting && !genuine())
      return ack({
        accepted: false,
        why: 'bad_signature',
        message: 'the signature does not verify',
      })
    const payload: unknown = JSON.parse(envelope.payload)
    const command = options.trusting ? (payload as CommandPayload) : CommandPayload.parse(payload)
    lastSequence = Math.max(lastSequence, command.sequence)
    agent.commands.push(command)
    const answer = options.answer ? options.answer(command) : ({ accepted: true } as const)
    if (!answer) return
    ack(answer)
    if (answer.accepted) options.onCommand?.(command, agent)
  }
  socket.on('deploy_software', ({ envelope }, ack) => take(envelope, ack))
  socket.on('cancel_deployment', ({ envelope }, ack) => take(envelope, ack))

  const { update } = options
  if (update)
    socket.on('update_agent', ({ envelope }, ack) => {
      const text = Buffer.from(updateText(envelope.payload))
      if (!verify(null, text, commandKey, Buffer.from(envelope.signature, 'base64')))
        throw new Error('an order whose signature does not verify')
      const order = UpdatePayload.parse(JSON.parse(envelope.payload))
      lastSequence = Math.max(lastSequence, order.sequence)
      const reply = update(order)
      if (reply) ack(reply)
    })

  if (options.restart)
    socket.on('restart_device', ({ envelope }, ack) => {
      if (!isGenuine(restartText(envelope.payload), envelope.signature))
        return ack({ result: 'refused', message: 'the signature does not verify' })
      const payload = RestartPayload.parse(JSON.parse(envelope.payload))
      lastSequence = Math.max(lastSequence, payload.sequence)
      agent.restarts.push(payload)
      const announced = () =>
        payload.action === 'restart'
          ? ({ result: 'announced', due_in_seconds: payload.delay_seconds } as const)
          : ({ result: 'called_off' } as const)
      const answer = options.onRestart ? options.onRestart(payload) : announced()
      if (answer) ack(answer)
    })

  socket.on('inspect_device', ({ envelope }, ack) => {
    const text = Buffer.from(inspectText(envelope.payload))
    if (!verify(null, text, commandKey, Buffer.from(envelope.signature, 'base64')))
      return ack({ ok: false, message: 'the signature does not verify' })
    const question = InspectPayload.parse(JSON.parse(envelope.payload))
    const answer = options.inspect ? options.inspect(question) : roomEnough(question)
    if (answer) ack(answer)
  })

  const attemptKey = ({ deployment_id, target_id, attempt, attempt_id }: DeployPayload) => ({
    deployment_id,
    target_id,
    attempt,
    attempt_id,
  })
  const agent: SimAgent = {
    socket,
    welcomed,
    split,
    commands: [],
    restarts: [],
    result: (command, result) =>
      socket.timeout(EVENT_LIMIT_MS).emitWithAck('deployment_result', {
        ...attemptKey(command),
        status: 'success',
        message: 'Installed.',
        exit_code: 0,
        ...result,
      }),
    progress: (command, phase, bytes, reason) =>
      socket.timeout(EVENT_LIMIT_MS).emitWithAck('deployment_progress', {
        ...attemptKey(command),
        phase,
        ...(bytes !== undefined && { bytes, total_bytes: command.size_bytes ?? bytes }),
        ...(reason && { reason }),
      }),
    output: (command, seq, text) =>
      socket
        .timeout(EVENT_LIMIT_MS)
        .emitWithAck('deployment_output', { ...attemptKey(command), seq, text }),
    reportFacts: () =>
      socket.timeout(EVENT_LIMIT_MS).emitWithAck('inventory_report', {
        facts: { ...factsOf(identity.name), ...options.facts?.() },
      }),
    close: () => socket.disconnect(),
  }
  return agent
}
