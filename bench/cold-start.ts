/**
 * Cold start: from starting the process to a window that a person can use, compared with the smallest
 * possible Electron app on the same runtime, alternating within one run. A window counts as usable when it is
 * on the screen (reported by the X server) and its first view is painted (queried over the DevTools port).
 * Needs Xvfb; the benchmark opens its own display.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createConnection, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ensureBuilt } from '../build/build-app.ts'
import { resolveElectron } from '../build/electron-runtime/resolve.ts'
import { projectRoot } from '../build/support/project.ts'
import { openDisplay } from '../build/with-display.ts'
import { median, printTable, type BenchTable } from './table.ts'

const START_LIMIT_MS = 60_000
const END_LIMIT_MS = 15_000
const WINDOW = { width: 1280, height: 800 }

type Subject = {
  /** The app that Electron is started with. */
  app: string
  userDataDir: string
  env: Record<string, string>
  /** Start of the page's address. */
  address: string
  /**
   * An expression evaluated in the page: a promise of the time (ms since 1970) at which its first view was
   * painted.
   */
  painted: string
}
type Start = { usableMs: number; shownMs: number; paintedMs: number; cpuMs: number }

/** Checks for an element on every frame and returns the time after the frame that shows it. */
const paintedWith = (selector: string): string => `new Promise((done) => {
  const look = () => document.querySelector(${JSON.stringify(selector)})
    ? requestAnimationFrame(() => setTimeout(() => done(Date.now())))
    : requestAnimationFrame(look)
  look()
})`
/** The reference page has no script, so its first paint is its final state. */
const FIRST_PAINT = `new Promise((done) => {
  const onEntries = (list) => {
    const entry = list.find(({ name }) => name === 'first-contentful-paint')
    if (entry) done(performance.timeOrigin + entry.startTime)
  }
  new PerformanceObserver((list) => onEntries(list.getEntries())).observe({ type: 'paint', buffered: true })
})`

function within<T>(limitMs: number, what: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} within ${limitMs / 1000} s`)), limitMs)
  })
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}

/**
 * Watches an X server for windows that appear. X11 protocol, chapters 8 (connection setup) and 11
 * (MapNotify). @param display `:N` @param cookie its MIT-MAGIC-COOKIE-1
 */
async function watchWindows(display: string, cookie: Buffer) {
  const socket: Socket = createConnection(`/tmp/.X11-unix/X${display.slice(1)}`)
  let onShown: (at: number) => void = () => undefined
  const name = Buffer.from('MIT-MAGIC-COOKIE-1\0\0')
  const hello = Buffer.alloc(12)
  hello.write('l', 0)
  hello.writeUInt16LE(11, 2)
  hello.writeUInt16LE(18, 6)
  hello.writeUInt16LE(cookie.length, 8)
  socket.write(Buffer.concat([hello, name, cookie]))
  let pending: Buffer = Buffer.alloc(0)
  let isSetUp = false
  const ready = new Promise<void>((resolve, reject) => {
    socket.once('error', reject)
    socket.on('data', (chunk: Buffer) => {
      pending = Buffer.concat([pending, chunk])
      if (!isSetUp) {
        if (pending.length < 8 || pending.length < 8 + pending.readUInt16LE(6) * 4) return
        if (pending[0] !== 1) return reject(new Error('the X server refused the benchmark'))
        const vendorBytes = Math.ceil(pending.readUInt16LE(24) / 4) * 4
        const root = pending.readUInt32LE(40 + vendorBytes + pending[29]! * 8)
        pending = pending.subarray(8 + pending.readUInt16LE(6) * 4)
        isSetUp = true
        const listen = Buffer.alloc(16) // ChangeWindowAttributes, event mask: SubstructureNotify
        listen.writeUInt8(2, 0)
        listen.writeUInt16LE(4, 2)
        listen.writeUInt32LE(root, 4)
        listen.writeUInt32LE(0x800, 8)
        listen.writeUInt32LE(0x80000, 12)
        socket.write(listen, () => resolve())
      }
      for (; pending.length >= 32; pending = pending.subarray(32)) {
        const isMapNotify = (pending[0]! & 0x7f) === 19
        if (isMapNotify && pending[12] === 0) onShown(Date.now())
      }
    })
  })
  await within(START_LIMIT_MS, 'the X server did not answer', ready)
  return {
    next: (): Promise<number> => new Promise((resolve) => (onShown = resolve)),
    close: () => socket.destroy(),
  }
}

/**
 * Evaluates an expression in the first page whose address begins with `address`. Uses DevTools protocol
 * events instead of polling.
 */
async function askPage(browserUrl: string, address: string, expression: string): Promise<unknown> {
  const socket = new WebSocket(browserUrl)
  let id = 0
  const send = (method: string, params: object, sessionId?: string): number => {
    socket.send(JSON.stringify({ id: ++id, method, params, sessionId }))
    return id
  }
  type Message = {
    id?: number
    error?: object
    params?: { targetInfo?: { targetId: string; type: string; url: string } }
    result?: {
      sessionId?: string
      result?: { value?: unknown }
      exceptionDetails?: { text: string }
    }
  }
  try {
    return await new Promise((resolve, reject) => {
      let [attaching, asking] = [0, 0]
      let session: string | undefined
      const ask = (): void => {
        const question = { expression, awaitPromise: true, returnByValue: true }
        asking = send('Runtime.evaluate', question, session)
      }
      socket.onerror = () => reject(new Error('the DevTools port does not answer'))
      socket.onclose = () => reject(new Error('the app ended too early'))
      socket.onopen = () => send('Target.setDiscoverTargets', { discover: true })
      socket.onmessage = ({ data }) => {
        const message = JSON.parse(String(data)) as Message
        const page = message.params?.targetInfo
        if (!attaching && page?.type === 'page' && page.url.startsWith(address))
          attaching = send('Target.attachToTarget', { targetId: page.targetId, flatten: true })
        if (attaching && message.id === attaching) {
          session = message.result?.sessionId
          ask()
        }
        if (!asking || message.id !== asking) return
        // The page had not navigated yet: the expression ran in an empty page that no longer exists.
        if (message.error) return void setTimeout(ask, 2)
        const failure = message.result?.exceptionDetails
        if (failure) reject(new Error(`the page answered: ${failure.text}`))
        else resolve(message.result?.result?.value)
      }
    })
  } finally {
    socket.onclose = null
    socket.close()
  }
}

function devtoolsUrl(child: ChildProcess): Promise<string> {
  let text = ''
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', () => reject(new Error(`the app ended too early:\n${text.slice(-2_000)}`)))
    child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      text = (text + chunk).slice(-20_000)
      const found = /DevTools listening on (ws:\S+)/.exec(text)
      if (found) resolve(found[1]!)
    })
  })
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), END_LIMIT_MS)
  await ended
  clearTimeout(timer)
}

/** CPU time of a process and its children so far, from Linux's /proc; clock ticks are 10 ms. */
async function cpuMsOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const own = (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) * 10
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '')
  const theirs = await Promise.all(
    children.trim().split(' ').filter(Boolean).map(Number).map(cpuMsOf),
  )
  return own + theirs.reduce((sum, ms) => sum + ms, 0)
}

export type ColdStartOptions = { runs: number }
export const COLD_START_OPTIONS: ColdStartOptions = { runs: 7 }

/** @throws Error with one line if Electron or Xvfb is not available */
export async function coldStart(given: Partial<ColdStartOptions> = {}): Promise<BenchTable> {
  const { runs } = { ...COLD_START_OPTIONS, ...given }
  const electron = await resolveElectron({ fallback: 'allow', onProgress: (m) => console.error(m) })
  await ensureBuilt()
  const folder = await mkdtemp(join(tmpdir(), 'deployx-cold-'))
  const display = await openDisplay({ env: {} })
  const authority = await readFile(display.env['XAUTHORITY']!)
  // The display's authority file has one entry; the cookie is at its end.
  const windows = await watchWindows(display.env['DISPLAY']!, authority.subarray(-16))

  const run = async (subject: Subject, first?: string): Promise<Start> => {
    const shown = windows.next()
    const startedAt = Date.now()
    const child = spawn(
      electron.executable,
      [
        subject.app,
        `--user-data-dir=${subject.userDataDir}`,
        '--remote-debugging-port=0',
        '--disable-gpu',
        '--password-store=basic',
        // Chromium's sandbox does not work for root.
        ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
      ],
      {
        env: {
          ...process.env,
          ...display.env,
          DBUS_SESSION_BUS_ADDRESS: 'disabled:',
          ...subject.env,
        },
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    )
    try {
      const url = await within(START_LIMIT_MS, 'no DevTools port', devtoolsUrl(child))
      const painted = askPage(url, subject.address, subject.painted).then(Number)
      const all = Promise.all([shown, painted])
      const [shownAt, paintedAt] = await within(START_LIMIT_MS, 'no usable window', all)
      const cpuMs = await cpuMsOf(child.pid!)
      if (first) await within(START_LIMIT_MS, 'no answer', askPage(url, subject.address, first))
      return {
        usableMs: Math.max(shownAt, paintedAt) - startedAt,
        shownMs: shownAt - startedAt,
        paintedMs: paintedAt - startedAt,
        cpuMs,
      }
    } finally {
      await end(child)
    }
  }

  const console_ = (name: string, selector: string): Subject => ({
    app: projectRoot,
    userDataDir: join(folder, name, 'user'),
    env: {
      DEPLOYX_DATA: join(folder, name, 'data'),
      DEPLOYX_HUB_PORT: '0',
      DEPLOYX_CONSOLE_PORT: '0',
      DEPLOYX_UNATTENDED: '1',
      XDG_CONFIG_HOME: join(folder, name, 'config'),
    },
    address: 'app://deployx/',
    painted: paintedWith(selector),
  })
  const accountPage = '#app form input[type=password]'
  const signedInPage = '#app nav a'

  try {
    const empty = await emptyApp(join(folder, 'empty'))
    const known = console_('known', signedInPage)
    await run({ ...known, painted: paintedWith(accountPage) }, MAKE_ACCOUNT)
    await run(known)
    await run(empty)
    const [later, first, reference]: [Start[], Start[], Start[]] = [[], [], []]
    for (let n = 0; n < runs; n++) {
      // Alternating, so that a slow minute of the machine affects all of them.
      later.push(await run(known))
      reference.push(await run(empty))
      first.push(await run(console_(`new-${n}`, accountPage)))
    }
    const row = (name: string, starts: Start[], pick: (s: Start) => number) => {
      const [a, b] = [median(starts.map(pick)), median(reference.map(pick))]
      const show = (ms: number) => `${ms.toFixed(0)} ms`
      return { name, ours: show(a), reference: show(b), ratio: a / b }
    }
    const spread = (starts: Start[]) => {
      const all = starts.map((s) => s.usableMs)
      return `${Math.min(...all).toFixed(0)} to ${Math.max(...all).toFixed(0)} ms`
    }
    return {
      title: `cold start to a usable window, median of ${runs} starts`,
      reference: `an empty window of Electron ${electron.version}, same switches and display`,
      rows: [
        row('signed in: the dashboard is visible', later, (s) => s.usableMs),
        row('very first start: the account page is visible', first, (s) => s.usableMs),
        row('signed in: CPU time until then', later, (s) => s.cpuMs),
      ],
      notes: [
        `signed in ${spread(later)}, very first start ${spread(first)}, empty window ${spread(reference)}`,
        'files are in the page cache; Xvfb draws in software',
      ],
    }
  } finally {
    windows.close()
    await display.close()
    await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
  }
}

/**
 * Creates the first account from within the page and stores the session in the desktop, as the console does.
 */
const MAKE_ACCOUNT = `(async () => {
  const { data } = await window.deployx.call('app.info', undefined)
  const reply = await fetch(data.console_url + '/auth/setup', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username: 'anna', password: 'correct horse battery', setup_code: data.setup_code }),
  })
  const { refresh_token } = await reply.json()
  if (!refresh_token) throw new Error('no account: ' + reply.status)
  await window.deployx.call('session.save', { refresh_token })
})()`

/** The smallest app with a window, from Electron's own guide. */
async function emptyApp(folder: string): Promise<Subject> {
  const app = join(folder, 'app')
  await mkdir(app, { recursive: true })
  await writeFile(join(app, 'package.json'), '{ "name": "empty", "main": "main.cjs" }')
  await writeFile(
    join(app, 'main.cjs'),
    `const { app, BrowserWindow } = require('electron')
    app.whenReady().then(() => new BrowserWindow(${JSON.stringify(WINDOW)}).loadFile('index.html'))`,
  )
  await writeFile(join(app, 'index.html'), '<!doctype html><title>Empty</title><h1>Empty</h1>')
  return {
    app,
    userDataDir: join(folder, 'user'),
    env: {},
    address: 'file://',
    painted: FIRST_PAINT,
  }
}

if (import.meta.main) console.log(printTable(await coldStart()))
