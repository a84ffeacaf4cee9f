/** A separate LAN for tests: Linux network namespaces on one switch. Needs root. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { EVENT_LIMIT_MS } from '#shared/test-kit/until.ts'
import { NODE_FOR_AGENTS } from './real-agent.ts'

const ip = (...args: string[]): void =>
  void execFileSync('ip', args, { stdio: ['ignore', 'pipe', 'pipe'] })

/** Why a LAN is not possible here, or null. */
export function whyNoLan(): string | null {
  if (process.platform !== 'linux') return 'network namespaces exist on Linux only'
  if (process.getuid?.() !== 0) return 'network namespaces need root'
  const probe = `dxprobe-${process.pid}`
  try {
    ip('netns', 'add', probe)
    ip('-n', probe, 'link', 'add', 'br0', 'type', 'bridge')
    return null
  } catch (error) {
    return `ip: ${(error as Error).message.split('\n')[1] ?? 'it cannot be run'}`
  } finally {
    try {
      ip('netns', 'del', probe)
    } catch {
      // It was never created.
    }
  }
}

export type Lan = ReturnType<typeof buildLan>

/** @param hosts names, each with its address in 10.77.0.0/24 */
export function buildLan(hosts: Readonly<Record<string, string>>) {
  const name = (host: string): string => `dx${process.pid}-${host}`
  const made: string[] = []
  const children: ChildProcess[] = []
  const make = (host: string): string => {
    ip('netns', 'add', name(host))
    made.push(name(host))
    ip('-n', name(host), 'link', 'set', 'lo', 'up')
    return name(host)
  }
  function remove(): void {
    for (const namespace of made.splice(0))
      try {
        ip('netns', 'del', namespace)
      } catch {
        // Gone already.
      }
  }
  try {
    const sw = make('sw')
    // Without snooping: a switch that learns groups would withhold multicast from hosts that have
    // just joined.
    ip('-n', sw, 'link', 'add', 'br0', 'type', 'bridge', 'mcast_snooping', '0')
    ip('-n', sw, 'link', 'set', 'br0', 'up')
    for (const [i, [host, address]] of Object.entries(hosts).entries()) {
      const ns = make(host)
      ip('-n', sw, 'link', 'add', `port${i}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', ns)
      ip('-n', sw, 'link', 'set', `port${i}`, 'master', 'br0', 'up')
      ip('-n', ns, 'addr', 'add', `${address}/24`, 'dev', 'eth0')
      ip('-n', ns, 'link', 'set', 'eth0', 'up')
    }
  } catch (error) {
    remove()
    throw error
  }
  return {
    /** Gives a host another address. */
    move(host: string, from: string, to: string): void {
      ip('-n', name(host), 'addr', 'del', `${from}/24`, 'dev', 'eth0')
      ip('-n', name(host), 'addr', 'add', `${to}/24`, 'dev', 'eth0')
    },
    /** Runs a Node with TypeScript support on that host. Collects the output of both streams. */
    run(host: string, args: readonly string[]) {
      const words = ['netns', 'exec', name(host), NODE_FOR_AGENTS, ...args]
      const child = spawn('ip', words, { stdio: ['pipe', 'pipe', 'pipe'] })
      children.push(child)
      let output = ''
      const append = (chunk: Buffer): void => void (output += chunk.toString())
      child.stdout.on('data', append)
      child.stderr.on('data', append)
      child.stdin.on('error', () => undefined)
      return {
        output: () => output,
        type: (line: string): void => void child.stdin.write(`${line}\n`),
        async until(what: string | RegExp, limitMs = EVENT_LIMIT_MS): Promise<void> {
          for (const endAt = Date.now() + limitMs; Date.now() < endAt;) {
            if (typeof what === 'string' ? output.includes(what) : what.test(output)) return
            await new Promise((resolve) => setTimeout(resolve, 50))
          }
          throw new Error(`${host} never printed ${String(what)}, but:\n${output}`)
        },
        stop: (): Promise<void> =>
          new Promise((resolve) => {
            if (child.exitCode !== null || child.signalCode !== null) return resolve()
            child.once('close', () => resolve())
            child.kill('SIGKILL')
          }),
      }
    },
    async remove(): Promise<void> {
      for (const child of children)
        if (child.exitCode === null && child.signalCode === null) {
          const closed = new Promise((resolve) => child.once('close', resolve))
          child.kill('SIGKILL')
          await closed
        }
      remove()
    },
  }
}
