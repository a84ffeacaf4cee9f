/** The controller's options, and its interface for the program that starts it. */
import type { Fingerprint } from '#shared/domain/ids.ts'
import type { UpdateTimings } from '../slices/agent-updates/index.ts'
import type { Recover } from '../slices/check/index.ts'
import type { Log, Random } from '../base/context.ts'
import type { ActiveDeployment, EngineTimings } from '../slices/deployments/index.ts'
import type { PresenceTimings } from '../slices/devices/index.ts'
import type { PairingTimings } from '../slices/enrollment/index.ts'
import type { ClockSource } from '../base/clock.ts'
import type { InProcessListener } from '../edges/consoles/feed.ts'
import type { Keystore } from '../base/vault.ts'

export type ControllerOptions = {
  dataDir: string
  migrationsDir: string
  /** Folder of the built worker threads; null: they run from the sources. */
  workersDir: string | null
  /** Folder of the built console for browsers; null: no console is served. */
  rendererDir: string | null
  /** The single-file agents with their SHA256SUMS, offered to PCs without one. Default: none. */
  agentsDir?: string | null
  version: string
  /** Default: all interfaces. */
  hubHost?: string
  /** 0 = any free port. */
  hubPort: number
  /** Default: loopback. */
  consoleHost?: string
  consolePort: number
  /**
   * DNS names of the office for the console; only these and the computer's own names are accepted.
   */
  consoleNames?: readonly string[]
  /** Whether other computers reach the console over plain HTTP. Default: over TLS, with a separate key. */
  consolePlainHttp?: boolean
  /** The code that the first account needs. Default: none. */
  setupCode?: string | null
  /**
   * Additional origins that may use the REST surface and the feed: the desktop's `app://` scheme.
   */
  allowedOrigins: readonly string[]
  log: Log
  /** Whether packages may be downloaded from this computer and from link-local addresses. Default: no. */
  allowPrivateFetch?: boolean
  /** Encrypts the key files. Default: only file permissions protect them. */
  keystore?: Keystore | null
  /** The user's decision after a refused start. Default: refuse. */
  recover?: Recover | null
  /**
   * Called once a recovery file has been verified and unpacked; a restart of the controller restores
   * it. Default: it is restored at the next start.
   */
  onRestored?: () => void
  /** Whether the hub is advertised on the LAN, so that agents find it. Default: yes. */
  discovery?: boolean
  /** Whether agents are updated automatically. Default: yes. */
  agentUpdates?: () => 'automatic' | 'off'
  /** For tests that set the clock. Default: the computer's clocks. */
  clock?: ClockSource
  /** For tests that repeat a run. Default: Node's own. */
  random?: Random
  /** Short timings for tests. */
  timings?: {
    engine?: Partial<EngineTimings>
    presence?: Partial<PresenceTimings>
    pairing?: Partial<PairingTimings>
    updates?: Partial<UpdateTimings>
  }
}

export type Activity = {
  active_deployments: ActiveDeployment[]
  running_targets: number
  online_agents: number
  total_devices: number
  /** PCs that wait for a comparison of digits. */
  pending_devices: number
}

export type Controller = {
  readonly consoleUrl: string
  /** Fingerprint of the console's TLS key; null over plain HTTP. */
  readonly consoleFingerprint: Fingerprint | null
  /** Others can reach the console over plain HTTP, so traffic can be read on the network. */
  readonly isConsoleOpenToRead: boolean
  readonly hubUrl: string
  readonly fingerprint: string
  readonly dataDir: string
  activity: () => Activity
  /**
   * News of every deployment, for the desktop app of the controller's own computer. Returns the
   * function that removes the listener.
   */
  subscribe: (listener: InProcessListener) => () => void
  /** The computer has slept: links may have ended unnoticed. */
  resumed: () => void
  stop: () => Promise<void>
}
