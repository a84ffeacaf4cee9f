/**
 * A small hub for tests: real TLS, real Socket.IO, every message checked against the contract. It can be made
 * to misbehave. Its commands: hub-commands.ts; the reports it received: hub-reports.ts.
 */
import {
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  sign,
  type KeyObject,
  type KeyPairKeyObjectResult,
} from 'node:crypto'
import { createServer, type Server as HttpsServer } from 'node:https'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Server, type Socket } from 'socket.io'
import {
  AGENT_NAMESPACE,
  AGENT_PROTOCOL,
  agentProofText,
  ENROLL_PATH,
  EnrollRequest,
  enrollText,
  Hello,
  hubProofText,
  type AgentEventName,
  type ReportReply,
} from '#shared/contract/agent/link.ts'
import { sequenceText } from '#shared/contract/agent/state.ts'
import { formatEnrollmentCode } from '#shared/domain/enrollment-code.ts'
import type { DeviceId } from '#shared/domain/ids.ts'
import { verifies } from '../identity/identity.ts'
import { createHubCommands, KEY_ID } from './hub-commands.ts'
import { createHubReports } from './hub-reports.ts'
import type { Served } from './serve-bytes.ts'
import { makeTlsKey, type TlsKey } from './tls-key.ts'

export type TestHub = Awaited<ReturnType<typeof startTestHub>>

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}

/** What identifies a hub across restarts and address changes. */
type HubIdentity = {
  tls: TlsKey
  command: KeyPairKeyObjectResult
  secret: string
  devices: Map<string, DeviceId>
  content: Map<string, Served>
}

export async function startTestHub(
  given: {
    /** Starts with the keys, devices and content of this one. */
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
  const hellos: Hello[] = []
  let live: Socket | null = null

  /** What a test may change while the hub runs. */
  const behaviour = {
    admits: true,
    /** Signs the welcome with another key. */
    provesWrongly: false,
    /** Reports its last used sequence to an agent whose own is lower or lost, as current controllers do. */
    statesSequence: true,
    /** Signs that report instead of the command key. */
    sequenceKey: null as KeyObject | null,
    refusal: null as { message: string; retry: boolean } | null,
    /** Sent before the handshake. */
    earlyCommand: null as unknown,
    earlyReply: null as unknown,
    addresses: null as string[] | null,
    /** The answer to a report; null: none. */
    answer: (_event: AgentEventName, _body: unknown): ReportReply | null => ({ committed: true }),
  }

  const reports = createHubReports((event, body) => behaviour.answer(event, body))
  const commands = createHubCommands({ key: command.privateKey, content, live: () => live })

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
    pingTimeout: 15_000,
  })
  await new Promise<void>((resolve) => server.listen(given.port ?? 0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const addresses = (): string[] => behaviour.addresses ?? [`127.0.0.1:${port}`]

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
    commands.continueAbove(hello.last_sequence)
    reports.listenTo(socket)
    const { nonce: agentNonce, device_id: deviceId } = hello
    const text = hubProofText(tls.fingerprint, nonce, agentNonce, deviceId)
    const last = commands.lastSequence()
    const sequence = sequenceText(tls.fingerprint, nonce, agentNonce, deviceId, last)
    const signer = behaviour.provesWrongly
      ? generateKeyPairSync('ed25519').privateKey
      : command.privateKey
    await socket.emitWithAck('welcome', {
      signature: sign(null, Buffer.from(text), signer).toString('base64'),
      addresses: addresses(),
      ...(behaviour.statesSequence && (last > hello.last_sequence || hello.damaged)
        ? {
            sequence: {
              last,
              signature: sign(
                null,
                Buffer.from(sequence),
                behaviour.sequenceKey ?? signer,
              ).toString('base64'),
            },
          }
        : {}),
    })
    live = socket
    socket.on('disconnect', () => {
      if (live === socket) live = null
      reports.wake()
    })
    reports.wake()
  }
  io.of(AGENT_NAMESPACE).on('connection', (socket) => {
    greet(socket).catch(() => socket.disconnect(true))
  })

  return {
    identity,
    tls,
    port,
    commandKey,
    behaviour,
    content,
    hellos,
    devices,
    ...reports,
    ...commands,
    code: (options: { addresses?: string[]; fingerprint?: string; secret?: string } = {}) =>
      formatEnrollmentCode({
        secret: options.secret ?? secret,
        fingerprint: options.fingerprint ?? tls.fingerprint,
        addresses: options.addresses ?? [`127.0.0.1:${port}`],
      }),
    connected: (timeoutMs?: number) =>
      reports.until('a connected agent', () => live !== null, timeoutMs),
    isConnected: () => live !== null,
    /**
     * Sends any event to the agent, with or without requesting an acknowledgement. False if none is
     * connected.
     */
    emit(event: string, args: unknown[], wantsAnswer: boolean): boolean {
      if (wantsAnswer) live?.emit(event, ...args, () => undefined)
      else live?.emit(event, ...args)
      return live !== null
    },
    /** Sends this as one message of the transport below Socket.IO. */
    emitRaw(message: string | Buffer): boolean {
      live?.conn.send(message)
      return live !== null
    },
    cutLinks: () => io.of(AGENT_NAMESPACE).disconnectSockets(true),
    async stop(): Promise<void> {
      // io.close() resolves only when all connections have ended, and open downloads never end by themselves.
      const closed = io.close()
      server.closeAllConnections()
      await closed
    },
  }
}
