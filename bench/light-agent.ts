/**
 * A minimal agent: the real protocol (Engine.IO 4, Socket.IO 5 packets, signatures, acknowledgements)
 * directly over `ws`, so that thousands fit into one process and a benchmark measures the hub, not its
 * agents. Unlike a real agent, it does not verify what it receives.
 */
import {
  createPrivateKey,
  generateKeyPairSync,
  randomBytes,
  sign,
  type KeyObject,
} from 'node:crypto'
import { WebSocket } from 'ws'
import {
  AGENT_PROTOCOL,
  agentProofText,
  type DeployPayload,
  type Hello,
} from '#shared/contract/agent/link.ts'
import type { DeviceId } from '#shared/domain/ids.ts'

/** The name in the hub's certificate. */
const HUB_NAME = 'deployx.invalid'

export type LightKey = { privateKey: KeyObject; publicKey: string }
export function makeLightKey(): LightKey {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' })
  return {
    privateKey: createPrivateKey(pem),
    publicKey: publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
  }
}

export type LightAgent = {
  /** Resolves once the hub has welcomed it. */
  welcomed: Promise<void>
  /** Resolves when the link is lost. */
  closed: Promise<void>
  /** Reports success; `done` is called when the hub has acknowledged it. */
  succeed: (command: DeployPayload, done: () => void) => void
  close: () => void
}

export function connectLightAgent(
  hub: { port: number; cert: string; fingerprint: string },
  identity: { deviceId: DeviceId; key: LightKey; name: string },
  onCommand: (command: DeployPayload) => void,
): LightAgent {
  const socket = new WebSocket(`wss://127.0.0.1:${hub.port}/socket.io/?EIO=4&transport=websocket`, {
    ca: hub.cert,
    servername: HUB_NAME,
    perMessageDeflate: false,
  } as never)
  const acks = new Map<number, () => void>()
  let nextAck = 0
  let welcome: () => void
  let fail: (error: Error) => void
  const welcomed = new Promise<void>((resolve, reject) => ([welcome, fail] = [resolve, reject]))
  welcomed.catch(() => undefined)
  socket.on('error', (error: Error) => fail(error))
  socket.on('close', () => fail(new Error('the link was closed')))
  const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()))

  const acknowledge = (id: string, answer: unknown) =>
    socket.send(`43/agents,${id}${JSON.stringify([answer])}`)
  function hello(nonce: string): Hello {
    const mine = randomBytes(32).toString('hex')
    const text = agentProofText(hub.fingerprint, nonce, mine, identity.deviceId)
    return {
      protocol: AGENT_PROTOCOL,
      device_id: identity.deviceId,
      nonce: mine,
      signature: sign(null, Buffer.from(text), identity.key.privateKey).toString('base64'),
      last_sequence: 0,
      attempts: [],
      hardware_id: null,
      facts: {
        name: identity.name,
        platform: 'linux',
        arch: 'x64',
        os_version: 'Debian 12',
        agent_version: 'light',
        free_disk_bytes: 10 ** 11,
      },
    }
  }
  function onEvent(id: string, event: string, body: unknown): void {
    if (event === 'challenge') acknowledge(id, hello((body as { nonce: string }).nonce))
    else if (event === 'welcome') {
      acknowledge(id, { ok: true })
      welcome()
    } else if (event === 'deploy_software') {
      acknowledge(id, { accepted: true })
      const { payload } = (body as { envelope: { payload: string } }).envelope
      onCommand(JSON.parse(payload) as DeployPayload)
    }
  }
  socket.on('message', (data: Buffer) => {
    const text = data.toString()
    if (text.startsWith('0')) return socket.send('40/agents,')
    if (text === '2') return socket.send('3')
    const packet = /^4([23])\/agents,(\d*)/.exec(text)
    if (!packet) return
    const [head, type, id] = packet as unknown as [string, string, string]
    const args = JSON.parse(text.slice(head.length)) as [string, unknown]
    if (type === '2') return onEvent(id, args[0], args[1])
    acks.get(Number(id))?.()
    acks.delete(Number(id))
  })

  return {
    welcomed,
    closed,
    succeed({ deployment_id, target_id, attempt, attempt_id }, done) {
      acks.set(nextAck, done)
      const result = {
        deployment_id,
        target_id,
        attempt,
        attempt_id,
        status: 'success',
        message: 'Installed.',
        exit_code: 0,
      }
      socket.send(`42/agents,${nextAck++}${JSON.stringify(['deployment_result', result])}`)
    },
    close: () => socket.close(),
  }
}
