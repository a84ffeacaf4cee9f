/**
 * The agent's side of pairing, step by step, so that a test can send each message wrongly; and a
 * man in the middle built from it.
 */
import { createHash, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { Server } from 'socket.io'
import { io, type Socket } from 'socket.io-client'
import {
  PAIRING_NAMESPACE,
  PAIRING_PROTOCOL,
  PairBegin,
  PairBeginReply,
  PairEnded,
  PairReveal,
  PairRevealReply,
  type HubToPairing,
  type PairingToHub,
} from '#shared/contract/agent/pairing.ts'
import {
  agentCommitmentText,
  digitsOf,
  digitsText,
  hubCommitmentText,
  pairingProofText,
} from '#shared/domain/pairing.ts'
import { fingerprintOf } from '../slices/identity/key-files.ts'
import { EVENT_LIMIT_MS } from '#shared/test-kit/until.ts'

export const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest()
export const newNonce = (): string => randomBytes(32).toString('hex')
const FACTS = {
  platform: 'linux',
  arch: 'x64',
  os_version: 'x',
  agent_version: '1',
  free_disk_bytes: null,
} as const

export type PairingKey = { publicKey: string; privateKey: KeyObject }
export function newKey(): PairingKey {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  return {
    publicKey: publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
    privateKey,
  }
}

export type PairingClient = ReturnType<typeof openPairing>

/** Connects to a hub without checking its key. */
export function openPairing(
  hub: { port: number; fingerprint: string; from?: string },
  name: string,
  key: PairingKey = newKey(),
) {
  const socket: Socket<HubToPairing, PairingToHub> = io(
    `https://127.0.0.1:${hub.port}${PAIRING_NAMESPACE}`,
    {
      transports: ['websocket'],
      forceNew: true,
      reconnection: false,
      rejectUnauthorized: false,
      ...(hub.from !== undefined && { localAddress: hub.from }),
    },
  )
  const ended: PairEnded[] = []
  socket.on('pair_ended', (why) => ended.push(PairEnded.parse(why)))
  const nonce = newNonce()
  const begin: PairBegin = {
    protocol: PAIRING_PROTOCOL,
    public_key: key.publicKey,
    commitment: sha256(agentCommitmentText(nonce, key.publicKey)).toString('hex'),
    signature: '',
    facts: { name, ...FACTS },
  }
  const ask = (event: string, body: unknown): Promise<unknown> =>
    (
      socket.timeout(EVENT_LIMIT_MS) as unknown as {
        emitWithAck: (event: string, body: unknown) => Promise<unknown>
      }
    ).emitWithAck(event, body)
  return {
    socket,
    key,
    nonce,
    ended,
    /** Signs what is actually sent, unless a signature is given. */
    async begin(change: Partial<PairBegin> = {}) {
      const body = { ...begin, ...change }
      const text = pairingProofText(hub.fingerprint, body.public_key, body.commitment)
      const signature = sign(null, Buffer.from(text), key.privateKey).toString('base64')
      return PairBeginReply.parse(await ask('pair_begin', { ...body, signature, ...change }))
    },
    reveal: async (shown = nonce) =>
      PairRevealReply.parse(await ask('pair_reveal', { nonce: shown })),
    ask,
    close: () => void socket.disconnect(),
  }
}

/**
 * Between an agent and the hub, with its own TLS key: it runs the protocol with each of the two,
 * with its own nonces.
 * @param change what it shows the agent instead of the nonce that it has committed to
 */
export async function startManInTheMiddle(
  hub: { port: number; fingerprint: string; commandKey: string },
  change: (nonce: string, agentNonce: string) => string = (nonce) => nonce,
) {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const fingerprint = fingerprintOf(privateKey)
  const { selfSigned } = await import('../slices/identity/certificate.ts')
  const server = createServer({ key, cert: await selfSigned(key, []) })
  const sockets = new Server(server, { transports: ['websocket'], serveClient: false })
  const clients: PairingClient[] = []
  const seen = { answers: [] as unknown[], towardsAgent: '', towardsHub: '', name: '' }
  sockets.of(PAIRING_NAMESPACE).on('connection', (agent) => {
    const nonce = newNonce()
    let begun: PairBegin
    let client: PairingClient
    agent.on('pair_begin', (raw: unknown, ack: (reply: PairBeginReply) => void) => {
      begun = PairBegin.parse(raw)
      seen.name = begun.facts.name
      client = openPairing(hub, begun.facts.name)
      clients.push(client)
      const commitment = sha256(hubCommitmentText(nonce, fingerprint, hub.commandKey))
      ack({
        ok: true,
        commitment: commitment.toString('hex'),
        command_key: hub.commandKey,
        key_id: 'k',
      })
    })
    agent.on('pair_reveal', (raw: unknown, ack: (reply: PairRevealReply) => void) => {
      const { nonce: agentNonce } = PairReveal.parse(raw)
      const shown = change(nonce, agentNonce)
      const facts = { agentKey: begun.public_key, fingerprint, commandKey: hub.commandKey }
      seen.towardsAgent = digitsOf(sha256(digitsText(facts, agentNonce, shown)))
      void client
        .begin()
        .then(() => client.reveal())
        .then((reply) => {
          if (reply.ok) {
            const facts = {
              agentKey: client.key.publicKey,
              fingerprint: hub.fingerprint,
              commandKey: hub.commandKey,
            }
            seen.towardsHub = digitsOf(sha256(digitsText(facts, client.nonce, reply.nonce)))
          }
          ack({ ok: true, nonce: shown })
        })
    })
    agent.on('pair_answer', (raw: unknown, ack: (reply: unknown) => void) => {
      seen.answers.push(raw)
      ack({ ok: true })
    })
    agent.on('disconnect', () => client?.close())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    fingerprint,
    seen,
    clients,
    async stop(): Promise<void> {
      clients.forEach((client) => client.close())
      await sockets.close()
    },
  }
}
