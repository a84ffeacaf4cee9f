/**
 * A small hub for tests: real TLS, real Socket.IO, the contract checked on everything that arrives. It can be told to
 * misbehave. What it acknowledges it keeps in memory only.
 */
import {
  createHash,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  sign,
  type KeyPairKeyObjectResult,
} from 'node:crypto'
import { createServer, type Server as HttpsServer } from 'node:https'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Server, type Socket } from 'socket.io'
import {
  AGENT_NAMESPACE,
  AGENT_PROTOCOL,
  agentEvents,
  agentProofText,
  CommandReply,
  commandText,
  ENROLL_PATH,
  EnrollRequest,
  enrollText,
  Hello,
  hubProofText,
  InspectReply,
  inspectText,
  type AgentEventName,
  type CommandPayload,
  type DeploymentOutput,
  type DeploymentProgress,
  type DeploymentResult,
  type DeployPayload,
  type InspectPayload,
  type ReportReply,
} from '#shared/contract/agent-link.ts'
import { RestartReply, restartText, type RestartPayload } from '#shared/contract/agent-restart.ts'
import { formatEnrollmentCode } from '#shared/domain/enrollment-code.ts'
import { AttemptId, type DeploymentId, type DeviceId, type TargetId } from '#shared/domain/ids.ts'
import { Sha256 } from '#shared/domain/ids.ts'
import { verifies } from '../identity/identity.ts'
import { makeTlsKey, type TlsKey } from './tls-key.ts'

export type Served = (request: IncomingMessage, response: ServerResponse) => void
type Reports = {
  deployment_result: DeploymentResult[]
  deployment_progress: DeploymentProgress[]
  deployment_output: DeploymentOutput[]
}
export type Sealed = { payload: string; signature: string; key_id: string }

export type TestHub = Awaited<ReturnType<typeof startTestHub>>

const KEY_ID = 'test-key'

/** Serves bytes as a hub does, with Range. `onRequest` may take the answer over by returning true. */
export function serveBytes(
  content: Buffer,
  onRequest: (request: IncomingMessage, response: ServerResponse, from: number) => boolean = () =>
    false,
): Served {
  return (request, response) => {
    const range = /^bytes=(\d+)-$/.exec(request.headers.range ?? '')
    const from = range ? Number(range[1]) : 0
    if (onRequest(request, response, from)) return
    response.writeHead(range ? 206 : 200, {
      'content-length': content.length - from,
      ...(range && {
        'content-range': `bytes ${from}-${content.length - 1}/${content.length}`,
      }),
    })
    response.end(content.subarray(from))
  }
}

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}

/** What makes a hub the same hub after a restart or at another address. */
type HubIdentity = {
  tls: TlsKey
  command: KeyPairKeyObjectResult
  secret: string
  devices: Map<string, DeviceId>
  content: Map<string, Served>
}

export async function startTestHub(
  given: {
    /** Comes up as this one did, with its keys, its devices and its content. */
    successorOf?: { identity: HubIdentity }
    port?: number
  } = {},
) {
  const identity = given.successorOf?.identity ?? {
    tls: await makeTlsKey(),
    command: generateKeyPairSync('ed25519'),
    secret: randomBytes(16).toString('base64url'),
    devices: new Map<string, DeviceId>(),
    content: new Map<string, Served>(),
  }
  const { tls, command, secret, devices, content } = identity
  const commandKey = createPublicKey(command.privateKey)
    .export({ type: 'spki', format: 'der' })
    .toString('base64')
  const reports: Reports = {
    deployment_result: [],
    deployment_progress: [],
    deployment_output: [],
  }
  const hellos: Hello[] = []
  const malformed: string[] = []
  let live: Socket | null = null
  let sequence = 0
  let waiters: (() => void)[] = []
  const wake = (): void => {
    for (const waiter of waiters.splice(0)) waiter()
  }

  /** What a test may change while the hub runs. */
  const behaviour = {
    admits: true,
    /** Signs the welcome with another key. */
    provesWrongly: false,
    refusal: null as { message: string; retry: boolean } | null,
    /** Sent before the handshake. */
    earlyCommand: null as unknown,
    earlyReply: null as unknown,
    addresses: null as string[] | null,
    /** The answer to a report; null: silence. */
    answer: (_event: AgentEventName, _body: unknown): ReportReply | null => ({ committed: true }),
  }

  async function enroll(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const send = (status: number, body: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(JSON.stringify(body))
    }
    const body = EnrollRequest.parse(JSON.parse(await readText(request)))
    const text = enrollText(tls.fingerprint, body.secret, body.public_key)
    const isGood = verifies(body.public_key, text, body.signature) && body.secret === secret
    if (!isGood || !behaviour.admits)
      return send(403, {
        success: false,
        error: { code: 'E_ENROLLMENT_CODE', message: 'This code is spent.', details: [] },
      })
    const id = devices.get(body.public_key) ?? ((devices.size + 1) as DeviceId)
    devices.set(body.public_key, id)
    send(200, {
      device_id: id,
      command_key: commandKey,
      key_id: KEY_ID,
      recovery_key: commandKey,
      generation: 0,
      epoch: 0,
      addresses: addresses(),
    })
  }

  const server: HttpsServer = createServer(
    { key: tls.key, cert: tls.cert },
    (request, response) => {
      if (request.url === ENROLL_PATH) return void enroll(request, response)
      const served = content.get(request.url ?? '')
      if (served) return served(request, response)
      response.writeHead(404).end()
    },
  )
  const io = new Server(server, {
    transports: ['websocket'],
    perMessageDeflate: false,
    pingInterval: 1_000,
    pingTimeout: 2_000,
  })
  await new Promise<void>((resolve) => server.listen(given.port ?? 0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const addresses = (): string[] => behaviour.addresses ?? [`127.0.0.1:${port}`]

  function hear(socket: Socket): void {
    for (const event of Object.keys(agentEvents) as AgentEventName[])
      socket.on(event, (raw: unknown, ack: (reply: ReportReply) => void) => {
        const parsed = agentEvents[event].safeParse(raw)
        if (!parsed.success) {
          malformed.push(`${event}: ${parsed.error.message}`)
          return ack({ committed: false, message: 'malformed' })
        }
        const reply = behaviour.answer(event, parsed.data)
        if (reply) ack(reply)
        if (reply?.committed && event !== 'inventory_report')
          (reports[event] as unknown[]).push(parsed.data)
        wake()
      })
  }

  async function greet(socket: Socket): Promise<void> {
    if (behaviour.earlyCommand)
      behaviour.earlyReply = await socket.emitWithAck('deploy_software', behaviour.earlyCommand)
    const nonce = randomBytes(32).toString('hex')
    const answer: unknown = await socket.emitWithAck('challenge', {
      protocol: AGENT_PROTOCOL,
      nonce,
    })
    const hello = Hello.parse(answer)
    const proof = agentProofText(tls.fingerprint, nonce, hello.nonce, hello.device_id)
    const key = [...devices].find(([, id]) => id === hello.device_id)?.[0] ?? ''
    if (!verifies(key, proof, hello.signature)) throw new Error('the agent did not prove itself')
    if (behaviour.refusal) {
      socket.emit('refused', behaviour.refusal)
      return void socket.disconnect(true)
    }
    hellos.push(hello)
    sequence = Math.max(sequence, hello.last_sequence)
    hear(socket)
    const text = hubProofText(tls.fingerprint, nonce, hello.nonce, hello.device_id)
    const signer = behaviour.provesWrongly
      ? generateKeyPairSync('ed25519').privateKey
      : command.privateKey
    await socket.emitWithAck('welcome', {
      signature: sign(null, Buffer.from(text), signer).toString('base64'),
      addresses: addresses(),
    })
    live = socket
    socket.on('disconnect', () => {
      if (live === socket) live = null
      wake()
    })
    wake()
  }
  io.of(AGENT_NAMESPACE).on('connection', (socket) => {
    greet(socket).catch(() => socket.disconnect(true))
  })

  const seal = (payload: unknown, privateKey = command.privateKey): Sealed => {
    const text = typeof payload === 'string' ? payload : JSON.stringify(payload)
    return {
      payload: text,
      signature: sign(null, Buffer.from(commandText(text)), privateKey).toString('base64'),
      key_id: KEY_ID,
    }
  }
  /** The payload of a command; what a test does not say is what a plain shell script needs. */
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
      conditions: { on_battery: true, on_metered: true },
      ...rest,
    }
  }
  async function emit(event: string, body: unknown): Promise<CommandReply> {
    if (!live) throw new Error('no agent is connected')
    return CommandReply.parse(await live.timeout(10_000).emitWithAck(event, body))
  }
  /** Waits until the condition holds, looked at after everything that arrives. */
  async function until<T>(
    what: string,
    look: () => T | null | undefined | false,
    timeoutMs = 15_000,
  ): Promise<T> {
    const endAt = Date.now() + timeoutMs
    for (;;) {
      const found = look()
      if (found) return found
      const leftMs = endAt - Date.now()
      if (leftMs <= 0) throw new Error(`${what}: not within ${timeoutMs} ms`)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.min(leftMs, 100))
        waiters.push(() => {
          clearTimeout(timer)
          resolve()
        })
      })
    }
  }

  return {
    identity,
    tls,
    port,
    commandKey,
    behaviour,
    content,
    reports,
    hellos,
    malformed,
    devices,
    seal,
    payload,
    until,
    code: (options: { addresses?: string[]; fingerprint?: string; secret?: string } = {}) =>
      formatEnrollmentCode({
        secret: options.secret ?? secret,
        fingerprint: options.fingerprint ?? tls.fingerprint,
        addresses: options.addresses ?? [`127.0.0.1:${port}`],
      }),
    connected: (timeoutMs?: number) => until('a connected agent', () => live !== null, timeoutMs),
    isConnected: () => live !== null,
    /** Seals and sends a payload. */
    deploy: (command: CommandPayload, envelope: Sealed = seal(command)) =>
      emit('deploy_software', {
        deployment_id: command.deployment_id,
        target_id: command.target_id,
        software_name: 'for people',
        download_url: '/not/acted/on',
        install_args: '',
        attempt: command.attempt,
        envelope,
      }),
    /** Asks what is on the PC, under a signature made for questions (or for what the test says). */
    inspect: async (
      question: Partial<InspectPayload> & Pick<InspectPayload, 'detections'>,
      purpose: (text: string) => string = inspectText,
    ): Promise<InspectReply> => {
      if (!live) throw new Error('no agent is connected')
      const payload = JSON.stringify({
        device_id: 1,
        issued_at: new Date().toISOString(),
        ...question,
      })
      const signature = sign(null, Buffer.from(purpose(payload)), command.privateKey)
      const envelope = { payload, signature: signature.toString('base64'), key_id: KEY_ID }
      return InspectReply.parse(
        await live.timeout(10_000).emitWithAck('inspect_device', { envelope }),
      )
    },
    /** Orders a restart, or withdraws one, under a signature made for that (or for what the test says). */
    restart: async (
      order: RestartPayload,
      purpose: (text: string) => string = restartText,
    ): Promise<RestartReply> => {
      if (!live) throw new Error('no agent is connected')
      const payload = JSON.stringify(order)
      const signature = sign(null, Buffer.from(purpose(payload)), command.privateKey)
      const envelope = { payload, signature: signature.toString('base64'), key_id: KEY_ID }
      return RestartReply.parse(
        await live.timeout(10_000).emitWithAck('restart_device', { deployment_id: 7, envelope }),
      )
    },
    cancel: (command: DeployPayload) => {
      const { device_id, deployment_id, target_id, attempt, attempt_id } = command
      const cancel = { device_id, deployment_id, target_id, attempt, attempt_id }
      const issued_at = new Date().toISOString()
      return emit('cancel_deployment', {
        deployment_id,
        target_id,
        envelope: seal({ ...cancel, sequence: ++sequence, issued_at, action: 'cancel' }),
      })
    },
    nextSequence: () => ++sequence,
    /** The committed result of an attempt. */
    result: (command: DeployPayload, timeoutMs?: number) =>
      until(
        'a result',
        () => reports.deployment_result.find((r) => r.attempt_id === command.attempt_id),
        timeoutMs,
      ),
    /** The recorded output of an attempt: of each piece the first that came, in order; null when one is missing. */
    outputOf: (command: DeployPayload): string | null => {
      const pieces = new Map<number, string>()
      for (const { attempt_id, seq, text } of reports.deployment_output)
        if (attempt_id === command.attempt_id && !pieces.has(seq)) pieces.set(seq, text)
      const seqs = [...pieces.keys()].sort((a, b) => a - b)
      return seqs.every((seq, i) => seq === i + 1)
        ? seqs.map((seq) => pieces.get(seq)!).join('')
        : null
    },
    /** Says anything at all to the agent, an acknowledgement asked for or not. False when none is connected. */
    say(event: string, args: unknown[], wantsAnswer: boolean): boolean {
      if (wantsAnswer) live?.emit(event, ...args, () => undefined)
      else live?.emit(event, ...args)
      return live !== null
    },
    /** Sends this as one message of the transport below Socket.IO. */
    sayRaw(message: string | Buffer): boolean {
      live?.conn.send(message)
      return live !== null
    },
    cutLinks: () => io.of(AGENT_NAMESPACE).disconnectSockets(true),
    async stop(): Promise<void> {
      waiters = []
      // Closing waits for downloads, which wait for this.
      const closed = io.close()
      server.closeAllConnections()
      await closed
    },
  }
}
