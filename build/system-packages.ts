import { lastLine, run } from './support/run.ts'

/** The system packages that test, demo and CI scripts need, by Debian name. */
const packagesFor = {
  electron: [
    'libgtk-3-0',
    'libnss3',
    'libasound2',
    'libgbm1',
    'libxss1',
    'libatk-bridge2.0-0',
    'libdrm2',
    // Loaded for the first notification; without it, notifications silently do not appear.
    'libnotify4',
  ],
  display: ['xvfb', 'xauth'],
  /** A private message bus with a tray and a notification server, for the desktop specs. */
  'desktop-bus': ['dbus', 'python3-dbus', 'python3-gi'],
  /** The console in a browser, as `npm run serve` offers it. */
  browser: ['chromium'],
  compiler: ['gcc', 'libc6-dev'],
  /** Compiles the agent's Windows helper. */
  'windows-compiler': ['gcc-mingw-w64-x86-64'],
  /** Windows itself, as far as the agent's tests need it, and the tools that build installers for it. */
  windows: ['wine', 'wine64', 'msitools', 'wixl', 'nsis'],
  /** The agent's tests install real .rpm files into temporary folders. */
  'package-tools': ['rpm'],
  /** Sets the clock of single processes, to test clock changes. */
  'clock-tools': ['faketime'],
  /** A separate Debian that boots with systemd, for the agent as a service. */
  container: ['debootstrap', 'systemd-container', 'debian-archive-keyring'],
} as const satisfies Record<string, readonly string[]>

export type SystemNeed = keyof typeof packagesFor

const everything = Object.keys(packagesFor) as SystemNeed[]

/** Queries and changes to the system; tests replace them. */
export interface System {
  platform: string
  isRoot: boolean
  run: (command: string, args: readonly string[], timeoutMs: number) => Promise<RunOutcome>
}

interface RunOutcome {
  code: number | null
  stdout: string
  stderr: string
}

export interface SystemPackagesResult {
  /** Everything that was requested is installed now. */
  ok: boolean
  installed: string[]
  missing: string[]
  /** One line for people, present if something is missing. */
  hint?: string
}

/** One line to copy that installs what the given parts need on Debian and its derivatives. */
export function systemPackagesCommand(needs: readonly SystemNeed[] = everything): string {
  return `sudo apt-get install -y --no-install-recommends ${names(needs).join(' ')}`
}

/**
 * Makes sure that the system has what the given parts need. Only test, demo and CI scripts call this; the
 * product never installs anything on a system. As root on a Debian-like system it installs what is missing;
 * elsewhere it changes nothing and returns a line to copy.
 */
export async function ensureSystemPackages(
  needs: readonly SystemNeed[] = everything,
  onProgress: (message: string) => void = () => undefined,
  system: System = thisSystem(),
): Promise<SystemPackagesResult> {
  if (system.platform !== 'linux') return { ok: true, installed: [], missing: [] }
  const missing = await findMissing(names(needs), system)
  if (missing === 'unknown') {
    // Not a Debian-like system: the probe reports whether Electron can start.
    return { ok: true, installed: [], missing: [] }
  }
  if (missing.length === 0) return { ok: true, installed: [], missing }
  const hint = `missing system packages: sudo apt-get install -y --no-install-recommends ${missing.join(' ')}`
  if (!system.isRoot) return { ok: false, installed: [], missing, hint }

  onProgress(`installing system packages: ${missing.join(' ')}`)
  const problem = await install(missing, system)
  const left = await findMissing(missing, system)
  if (left === 'unknown' || left.length > 0) {
    const still = left === 'unknown' ? missing : left
    const reason = problem ?? 'apt-get did not install them'
    return { ok: false, installed: [], missing: still, hint: `${hint} (${reason})` }
  }
  return { ok: true, installed: missing, missing: [] }
}

function names(needs: readonly SystemNeed[]): string[] {
  return [...new Set(needs.flatMap((need) => packagesFor[need] as readonly string[]))]
}

/** Debian 13 and Ubuntu 24.04 renamed some libraries (64-bit time_t); either name is accepted. */
const variants = (name: string): string[] =>
  name.startsWith('lib') ? [name, `${name}t64`] : [name]

async function findMissing(wanted: string[], system: System): Promise<string[] | 'unknown'> {
  const format = '${Package} ${db:Status-Status}\\n'
  const query = ['--show', `--showformat=${format}`, ...wanted.flatMap(variants)]
  // dpkg-query exits with 1 for an unknown name, but still lists the others.
  const result = await system.run('dpkg-query', query, 20_000).catch(() => null)
  if (!result) return 'unknown'
  const present = new Set(
    result.stdout
      .split('\n')
      .map((line) => line.split(' '))
      .filter(([, status]) => status === 'installed')
      .map(([name]) => name),
  )
  return wanted.filter((name) => !variants(name).some((variant) => present.has(variant)))
}

/** Returns null, or one line about what went wrong. */
async function install(missing: string[], system: System): Promise<string | null> {
  const apt = (args: string[], timeoutMs: number) =>
    system
      .run('apt-get', [...aptOptions, ...args], timeoutMs)
      .catch((error: Error) => ({ code: 1, stdout: '', stderr: error.message }))
  const tryInstall = async () => {
    const chosen = await chooseVariants(missing, system)
    return await apt(['install', '-y', '--no-install-recommends', ...chosen], 10 * 60_000)
  }
  // The package lists may be missing or outdated; updating them is only worthwhile when the first try fails.
  const first = await tryInstall()
  if (first.code === 0) return null
  const update = await apt(['update'], 3 * 60_000)
  const second = await tryInstall()
  if (second.code === 0) return null
  return lastLine(second.stderr) || lastLine(update.stderr) || 'apt-get failed'
}

const aptOptions = [
  '-qq',
  '-o',
  'Acquire::Retries=3',
  '-o',
  'Acquire::http::Timeout=30',
  '-o',
  'Acquire::https::Timeout=30',
  // Another apt-get may be running (unattended upgrades, a parallel CI step).
  '-o',
  'DPkg::Lock::Timeout=120',
]

/** Picks the name that this release of the distribution uses. */
async function chooseVariants(wanted: string[], system: System): Promise<string[]> {
  const policy = await system
    .run('apt-cache', ['policy', ...wanted.flatMap(variants)], 30_000)
    .catch(() => ({ code: 1, stdout: '', stderr: '' }))
  const available = new Set<string>()
  let current = ''
  for (const line of policy.stdout.split('\n')) {
    if (/^\S+:$/.test(line)) current = line.slice(0, -1)
    const candidate = /^\s+Candidate: (.+)$/.exec(line)?.[1]
    if (candidate && candidate !== '(none)') available.add(current)
  }
  return wanted.map((name) => variants(name).find((variant) => available.has(variant)) ?? name)
}

function thisSystem(): System {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' }
  return {
    platform: process.platform,
    isRoot: process.getuid?.() === 0,
    run: async (command, args, timeoutMs) => await run(command, args, { timeoutMs, env }),
  }
}

/**
 * `node build/system-packages.ts [electron display desktop-bus browser compiler windows-compiler windows
 * package-tools clock-tools container]`: installs the packages, or prints what to install.
 */
async function main(words: string[]): Promise<number> {
  const needs = words.filter((word): word is SystemNeed => word in packagesFor)
  if (needs.length !== words.length) {
    console.error(`usage: node build/system-packages.ts [${everything.join('] [')}]`)
    return 2
  }
  const result = await ensureSystemPackages(words.length > 0 ? needs : undefined, (message) =>
    console.error(message),
  )
  console.error(result.hint ?? 'system packages: all there')
  return result.ok ? 0 : 1
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2))
