import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '#shared/node/clock.ts'
import { hasNotificationServer, hasTrayHost, socketPaths } from './session-bus.ts'

/** A real message bus, and a program on it that owns the names. Any Linux desktop has both. */
const hasBus =
  spawnSync('dbus-daemon', ['--version']).status === 0 &&
  spawnSync('/usr/bin/python3', ['-c', 'import dbus, gi']).status === 0

const OWNER = `
import sys, dbus, dbus.service
from dbus.mainloop.glib import DBusGMainLoop
from gi.repository import GLib
DBusGMainLoop(set_as_default=True)
bus = dbus.SessionBus()
class Watcher(dbus.service.Object):
    @dbus.service.method('org.freedesktop.DBus.Properties', in_signature='ss', out_signature='v')
    def Get(self, interface, name):
        return sys.argv[1] == 'host'
class Server(dbus.service.Object):
    @dbus.service.method('org.freedesktop.Notifications', out_signature='ssss')
    def GetServerInformation(self):
        return ('test', 'test', '1', '1.2')
names = [dbus.service.BusName(n, bus) for n in ('org.kde.StatusNotifierWatcher', 'org.freedesktop.Notifications')]
watcher = Watcher(bus, '/StatusNotifierWatcher')
server = Server(bus, '/org/freedesktop/Notifications')
print('ready', flush=True)
if sys.argv[1] == 'hangs':
    sys.stdin.read()
GLib.MainLoop().run()
`

let folder: string
let children: ChildProcess[]
let servers: Server[]
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dxbus-'))
  children = []
  servers = []
})
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL')
  for (const server of servers) server.close()
  for (const child of children)
    if (child.exitCode === null && child.signalCode === null)
      await new Promise((done) => child.once('exit', done))
  rmSync(folder, { recursive: true, force: true })
})

function start(command: string, args: string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
  const child = spawn(command, args, {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: { ...process.env, ...env },
  })
  children.push(child)
  return new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', resolve)
    child.once('exit', (code) => reject(new Error(`${command} ended with ${code}`)))
  })
}

async function startBus(): Promise<NodeJS.ProcessEnv> {
  const config = join(folder, 'bus.conf')
  writeFileSync(
    config,
    `<busconfig><type>session</type><listen>unix:dir=${folder}</listen><auth>EXTERNAL</auth>
     <policy context="default"><allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/></policy></busconfig>`,
  )
  const args = ['--nofork', '--print-address=1', `--config-file=${config}`]
  return { DBUS_SESSION_BUS_ADDRESS: await start('dbus-daemon', args) }
}

const startOwner = (mode: 'host' | 'no-host' | 'hangs', env: NodeJS.ProcessEnv) =>
  start('/usr/bin/python3', ['-c', OWNER, mode], env)

describe.skipIf(!hasBus)('on a real message bus', () => {
  it('finds the tray and the notification server', async () => {
    const env = await startBus()
    expect(await hasTrayHost(systemClock, env)).toBe(false)
    expect(await hasNotificationServer(systemClock, env)).toBe(false)
    await startOwner('host', env)
    expect(await hasTrayHost(systemClock, env)).toBe(true)
    expect(await hasNotificationServer(systemClock, env)).toBe(true)
  })

  it('ignores a watcher whose icons are not shown', async () => {
    const env = await startBus()
    await startOwner('no-host', env)
    expect(await hasTrayHost(systemClock, env)).toBe(false)
  })

  it('does not wait for a program that hangs', async () => {
    const env = await startBus()
    await startOwner('hangs', env)
    const before = performance.now()
    expect(await hasTrayHost(systemClock, env, 200)).toBe(false)
    expect(await hasNotificationServer(systemClock, env, 200)).toBe(false)
    // The bus itself would wait for 25 s, twice.
    expect(performance.now() - before).toBeLessThan(20_000)
  })
})

describe('without a bus', () => {
  it('there is no tray', async () => {
    expect(await hasTrayHost(systemClock, {})).toBe(false)
    expect(await hasTrayHost(systemClock, { DBUS_SESSION_BUS_ADDRESS: 'disabled:' })).toBe(false)
    expect(
      await hasTrayHost(systemClock, { DBUS_SESSION_BUS_ADDRESS: `unix:path=${folder}/none` }),
    ).toBe(false)
  })

  it.skipIf(process.platform === 'win32').each([
    ['hangs up', 'end'],
    ['refuses', 'REJECTED EXTERNAL\r\n'],
    ['talks nonsense', `OK 1\r\n${'x'.repeat(200)}`],
    ['floods', `OK 1\r\nl${'\u0001'.repeat(200_000)}`],
    ['sends nothing', ''],
  ])('a program that %s in its place is no tray either', async (_what, reply) => {
    const path = join(folder, 'socket')
    const server = createServer((socket) => {
      socket.on('error', () => undefined)
      if (reply === 'end') socket.destroy()
      else socket.write(reply, 'latin1')
    })
    servers.push(server)
    await new Promise<void>((done) => server.listen(path, done))
    expect(
      await hasTrayHost(systemClock, { DBUS_SESSION_BUS_ADDRESS: `unix:path=${path}` }, 300),
    ).toBe(false)
  })
})

it('reads addresses as specified', () => {
  const paths = (address: string) => socketPaths({ DBUS_SESSION_BUS_ADDRESS: address })
  expect(paths('unix:path=/run/user/1000/bus')).toEqual(['/run/user/1000/bus'])
  expect(paths('unix:abstract=/tmp/dbus-X,guid=1')).toEqual(['\0/tmp/dbus-X'])
  expect(paths('tcp:host=x;unix:guid=1,path=/a%20b%')).toEqual(['/a b%'])
  expect(paths('unix:runtime=yes')).toEqual([])
  expect(socketPaths({ XDG_RUNTIME_DIR: '/run/user/7' })).toEqual(['/run/user/7/bus'])
})
