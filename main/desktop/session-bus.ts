/**
 * Queries the Linux desktop's abilities: whether anything shows tray icons, whether anything shows
 * notifications. A minimal D-Bus client (https://dbus.freedesktop.org/doc/dbus-specification.html).
 */
import { connect } from 'node:net'
import type { Clock } from '#shared/node/clock.ts'

const TRAY_WATCHER = 'org.kde.StatusNotifierWatcher'
const NOTIFICATIONS = 'org.freedesktop.Notifications'
/** Longer than any reply to these queries. */
const MAX_REPLY_BYTES = 64 * 1024
const ANSWER_LIMIT_MS = 1_000
/** A notification server may have to be started first. */
const START_LIMIT_MS = 5_000
const METHOD_CALL = 1
const METHOD_RETURN = 2
const ERROR = 3
const REPLY_SERIAL = 5
const PROTOCOL_VERSION = 1
const LITTLE_ENDIAN = 0x6c

type Time = Pick<Clock, 'setTimer'>

type Call = {
  destination: string
  path: string
  interface: string
  member: string
  strings?: string[]
  /** Whether an installed but stopped service may be started for it. */
  mayStart?: boolean
}

/**
 * Whether there is a tray (a StatusNotifierWatcher with a host, as in KDE, GNOME's AppIndicator
 * extension and others). False if there is no bus, no watcher, or no reply in time.
 */
export async function hasTrayHost(
  time: Time,
  env: NodeJS.ProcessEnv = process.env,
  timeoutMs = ANSWER_LIMIT_MS,
): Promise<boolean> {
  const body = await askSessionBus(time, env, timeoutMs, {
    destination: TRAY_WATCHER,
    path: '/StatusNotifierWatcher',
    interface: 'org.freedesktop.DBus.Properties',
    member: 'Get',
    strings: [TRAY_WATCHER, 'IsStatusNotifierHostRegistered'],
  })
  // The body is a variant: the signature `b`, padding to 4, the value in 4 bytes.
  return body !== null && body.length >= 8 && body.readUInt32LE(4) === 1
}

/**
 * Whether notifications are shown. Electron's own call blocks the whole process, including the hub,
 * for up to 25 s, so a server that hangs must not be called that way.
 */
export async function hasNotificationServer(
  time: Time,
  env: NodeJS.ProcessEnv = process.env,
  timeoutMs = START_LIMIT_MS,
): Promise<boolean> {
  const body = await askSessionBus(time, env, timeoutMs, {
    destination: NOTIFICATIONS,
    path: '/org/freedesktop/Notifications',
    interface: NOTIFICATIONS,
    member: 'GetServerInformation',
    mayStart: true,
  })
  return body !== null
}

/** The body of the reply; null if there is no bus, no reply in time, or a negative reply. */
async function askSessionBus(
  time: Time,
  env: NodeJS.ProcessEnv,
  timeoutMs: number,
  call: Call,
): Promise<Buffer | null> {
  for (const path of socketPaths(env)) {
    const answer = await ask(time, path, timeoutMs, call).catch(() => undefined)
    if (answer !== undefined) return answer
  }
  return null
}

/**
 * Unix sockets of the session bus from its addresses; a leading NUL is Linux's abstract namespace.
 */
export function socketPaths(env: NodeJS.ProcessEnv): string[] {
  const runtime = env['XDG_RUNTIME_DIR']
  const list = env['DBUS_SESSION_BUS_ADDRESS'] ?? (runtime ? `unix:path=${runtime}/bus` : '')
  return list.split(';').flatMap((address) => {
    const match = /^unix:(.*)$/.exec(address)
    if (!match) return []
    const entries = match[1]!.split(',').map((pair) => pair.split('=', 2) as [string, string])
    const values = new Map(entries)
    const decode = (value: string) =>
      decodeURIComponent(value.replaceAll(/%(?![0-9a-f]{2})/gi, '%25'))
    const path = values.get('path')
    const abstract = values.get('abstract')
    return path ? [decode(path)] : abstract ? [`\0${decode(abstract)}`] : []
  })
}

/**
 * The body of the reply to `call`, null for an error reply. Rejects if there is no bus, and after
 * `timeoutMs`.
 */
function ask(time: Time, path: string, timeoutMs: number, call: Call): Promise<Buffer | null> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path })
    const end = (settle: () => void): void => {
      cancelTimer()
      socket.destroy()
      settle()
    }
    const fail = (why: string): void => end(() => reject(new Error(why)))
    const cancelTimer = time.setTimer(timeoutMs, () => fail('no answer'))
    let received: Buffer = Buffer.alloc(0)
    let isIn = false
    socket.once('error', (error) => end(() => reject(error)))
    socket.once('close', () => fail('the bus hung up'))
    socket.once('connect', () => {
      const user = Buffer.from(String(process.getuid?.() ?? 0)).toString('hex')
      socket.write(`\0AUTH EXTERNAL ${user}\r\n`)
    })
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk])
      if (received.length > MAX_REPLY_BYTES) return fail('too much')
      if (!isIn) {
        const lineEnd = received.indexOf('\r\n')
        if (lineEnd < 0) return
        if (!received.subarray(0, lineEnd).toString().startsWith('OK '))
          return fail('the bus refused this user')
        received = received.subarray(lineEnd + 2)
        isIn = true
        socket.write('BEGIN\r\n')
        socket.write(methodCall(1, HELLO))
        socket.write(methodCall(2, call))
      }
      for (let message; (message = takeMessage(received)); received = message.rest) {
        const { type, replySerial, body } = message
        if (type === 0) return fail('not a message that is understood here')
        if (replySerial === 2) return end(() => resolve(type === METHOD_RETURN ? body : null))
      }
    })
  })
}

const HELLO: Call = {
  destination: 'org.freedesktop.DBus',
  path: '/org/freedesktop/DBus',
  interface: 'org.freedesktop.DBus',
  member: 'Hello',
}

const padding = (length: number, boundary: number): Buffer =>
  Buffer.alloc((boundary - (length % boundary)) % boundary)

const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

/** Length, text, NUL; the caller aligns. */
const string = (text: string): Buffer => {
  const bytes = Buffer.from(text)
  return Buffer.concat([uint32(bytes.length), bytes, Buffer.from([0])])
}

const signature = (text: string): Buffer => Buffer.from([text.length, ...Buffer.from(text), 0])

function methodCall(serial: number, call: Call): Buffer {
  let body = Buffer.alloc(0)
  for (const text of call.strings ?? [])
    body = Buffer.concat([body, padding(body.length, 4), string(text)])

  let fields = Buffer.alloc(0)
  const field = (code: number, type: string, value: Buffer): void => {
    const head = Buffer.concat([Buffer.from([code]), signature(type)]) // 4 bytes: the value is aligned
    fields = Buffer.concat([fields, padding(fields.length, 8), head, value])
  }
  field(1, 'o', string(call.path))
  field(2, 's', string(call.interface))
  field(3, 's', string(call.member))
  field(6, 's', string(call.destination))
  if (call.strings) field(8, 'g', signature('s'.repeat(call.strings.length)))

  const noAutoStart = call.mayStart ? 0 : 2
  const fixed = [LITTLE_ENDIAN, METHOD_CALL, noAutoStart, PROTOCOL_VERSION]
  const head = Buffer.concat([
    Buffer.from(fixed),
    uint32(body.length),
    uint32(serial),
    uint32(fields.length),
    fields,
  ])
  return Buffer.concat([head, padding(head.length, 8), body])
}

/** `type` 0: unreadable. */
type Message = { type: number; replySerial: number | null; body: Buffer; rest: Buffer }

/** The first complete message, or null. Parses only what this query needs. */
function takeMessage(bytes: Buffer): Message | null {
  if (bytes.length < 16) return null
  if (bytes[0] !== LITTLE_ENDIAN)
    return { type: 0, replySerial: null, body: bytes.subarray(0, 0), rest: bytes.subarray(0, 0) }
  const bodyLength = bytes.readUInt32LE(4)
  const fieldsLength = bytes.readUInt32LE(12)
  const bodyStart = Math.ceil((16 + fieldsLength) / 8) * 8
  if (bytes.length < bodyStart + bodyLength) return null
  const type = bytes[1]!
  const isReply = type === METHOD_RETURN || type === ERROR
  return {
    type,
    replySerial: isReply ? replySerialOf(bytes.subarray(16, 16 + fieldsLength)) : null,
    body: bytes.subarray(bodyStart, bodyStart + bodyLength),
    rest: bytes.subarray(bodyStart + bodyLength),
  }
}

function replySerialOf(fields: Buffer): number | null {
  let at = 0
  while (at + 8 <= fields.length) {
    const code = fields[at]!
    const type = String.fromCharCode(fields[at + 2]!)
    const value = at + 4
    if (code === REPLY_SERIAL) return fields.readUInt32LE(value)
    const size =
      type === 'g' ? fields[value]! + 2 : type === 'u' ? 4 : fields.readUInt32LE(value) + 5
    at = Math.ceil((value + size) / 8) * 8
  }
  return null
}
