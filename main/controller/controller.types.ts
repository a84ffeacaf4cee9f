/** What the controller is given, and what it is to whoever started it. */
import type { FeedEventName, FeedEvents } from '#shared/contract/console-feed.ts'
import type { DeploymentId, Fingerprint } from '#shared/domain/ids.ts'
import type { UpdateTimings } from './agent-updates/index.ts'
import type { Recover } from './check/index.ts'
import type { Log } from './context.ts'
import type { EngineTimings } from './deployments/index.ts'
import type { PresenceTimings } from './devices/index.ts'
import type { PairingTimings } from './enrollment/index.ts'
import type { ClockSource } from './lib/clock.ts'
import type { Keystore } from './lib/vault.ts'

export type ControllerOptions = {
  dataDir: string
  migrationsDir: string
  /** Where the built worker threads lie; null: they run from the sources. */
  workersDir: string | null
  /** The built console, served to browsers; null serves none. */
  rendererDir: string | null
  /** The single-file agents with their SHA256SUMS, offered to PCs that have none yet. Default: none are. */
  agentsDir?: string | null
  version: string
  /** Default: all interfaces. */
  hubHost?: string
  /** 0 = any free port. */
  hubPort: number
  /** Default: loopback. */
  consoleHost?: string
  consolePort: number
  /** Names that lead to the console by the office's own DNS; it answers under no other than these and the computer's own. */
  consoleNames?: readonly string[]
  /** Serve the console over plain HTTP beyond loopback too? Default: TLS with a key of its own. */
  consolePlainHttp?: boolean
  /** What the first account has to repeat. Default: nothing. */
  setupCode?: string | null
  /** Origins beside the console's own that may call the REST surface and the feed: the desktop's `app://` scheme. */
  allowedOrigins: readonly string[]
  log: Log
  /** May packages given as an address be fetched from this computer and its link-local neighbours? Default: no. */
  allowPrivateFetch?: boolean
  /** Protects the key files. Default: their permissions alone do. */
  keystore?: Keystore | null
  /** What somebody decided after a refusal to start. Default: a refusal stands. */
  recover?: Recover | null
  /** A recovery file was proven and unpacked: start the controller anew and it is taken up. Default: it waits for the next start. */
  onRestored?: () => void
  /** Is the hub announced on the LAN, so that agents find it? Default: yes. */
  discovery?: boolean
  /** Are agents updated without being asked to? Default: they are. */
  agentUpdates?: () => 'automatic' | 'off'
  /** For tests, which set the clock. Default: the computer's. */
  clock?: ClockSource
  /** For tests, which cannot wait as long as people. */
  timings?: {
    engine?: Partial<EngineTimings>
    presence?: Partial<PresenceTimings>
    pairing?: Partial<PairingTimings>
    updates?: Partial<UpdateTimings>
  }
}

export type Activity = {
  active_deployments: { id: DeploymentId; name: string; ended: number; total: number }[]
  running_targets: number
  online_agents: number
  total_devices: number
  /** PCs that wait for somebody to compare digits. */
  pending_devices: number
}

export type Controller = {
  readonly consoleUrl: string
  /** Of the console's TLS key; null over plain HTTP. */
  readonly consoleFingerprint: Fingerprint | null
  /** Others can reach the console, and read on the network what is sent to it. */
  readonly isConsoleOpenToRead: boolean
  readonly hubUrl: string
  readonly fingerprint: string
  readonly dataDir: string
  activity: () => Activity
  /** Every feed event, unfiltered: the desktop belongs to whoever runs the controller. Returns the function that stops it. */
  subscribe: (
    listener: (event: FeedEventName, body: FeedEvents[FeedEventName]) => void,
  ) => () => void
  /** The computer was asleep: links may be gone without having been missed. */
  resumed: () => void
  stop: () => Promise<void>
}
