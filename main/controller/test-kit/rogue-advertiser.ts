/**
 * A program for tests: advertises itself with another hub's key and listens with its own TLS key.
 * `rogue-advertiser.ts ADDRESS FINGERPRINT`; prints each connection, and every byte that it
 * receives, on stdout.
 */
import { generateKeyPairSync } from 'node:crypto'
import { createServer } from 'node:tls'
import type { AddressInfo } from 'node:net'
import pino from 'pino'
import { systemClock } from '#shared/node/clock.ts'
import { startAdvertising } from '../edges/agents/advertise.ts'

const { selfSigned } = await import('../slices/identity/certificate.ts')
const [address = '', fingerprint = ''] = process.argv.slice(2)
const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
const pem = key.export({ type: 'pkcs8', format: 'pem' }).toString()
const print = (line: string): void => void process.stdout.write(`${line}\n`)

const server = createServer({ key: pem, cert: await selfSigned(pem, []) }, (socket) => {
  socket.on('data', (chunk: Buffer) => print(`${chunk.length} bytes`))
  socket.on('error', () => undefined)
})
server.on('connection', () => print('visit'))
server.on('tlsClientError', () => undefined)
server.listen(0, address, () => {
  const { port } = server.address() as AddressInfo
  const log = pino({ level: 'silent' })
  startAdvertising({
    addresses: () => [`${address}:${port}`],
    fingerprint: () => fingerprint,
    clock: systemClock,
    log,
  })
  print('listening')
})
