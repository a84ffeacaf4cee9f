import type { EnrollmentCode } from '#shared/domain/enrollment-code.ts'
import { replaceMisleading } from '#shared/domain/plain-text.ts'
import { systemClock } from '#shared/node/clock.ts'
import { createStdoutLines } from '#shared/node/output.ts'
import { systemRandom } from '#shared/node/random.ts'
import { runAgent } from '../agent.ts'
import { readHardwareId } from '../facts/hardware.ts'
import { openIdentity, peekIdentity, type Identity } from '../identity/identity.ts'
import { settleIdentityLoss } from '../identity/recover.ts'
import { finishSplit } from '../identity/split.ts'
import { lockStateFolder, prepareStateFolder, type StateFolder } from '../identity/state-folder.ts'
import { AgentFailure } from '../lib/failure.ts'
import { compose } from '#shared/domain/coded-texts/compose.ts'
import { writableByOthers } from '../lib/writable-by-others.ts'
import { createLog, type Log } from '../lib/log.ts'
import { isSingleExecutable } from '../lib/self.ts'
import { mergeAddresses } from '../link/enroll.ts'
import { secretHash } from '../link/secret-hash.ts'
import { RefusedError } from '../link/link.ts'
import { SeparateDeviceError } from '../link/split.ts'
import { makePrivateFolder } from '../service/service.ts'
import type { RestartTools } from '../restart/tools.ts'
import { checkSameHub, enrollNow, readCode, setName } from './enrollment.ts'
import type { Arguments } from './usage.ts'

/** Enrols if necessary, and stores new addresses from a code. */
async function ensureEnrolled(
  identity: Identity,
  folder: StateFolder,
  code: EnrollmentCode | null,
): Promise<void> {
  if (code) checkSameHub(identity, folder, code)
  const enrollment = identity.enrollment()
  if (!enrollment) {
    if (!code) throw new AgentFailure('This state folder is not enrolled yet. Add --code CODE.', 2)
    return enrollNow(identity, folder, code)
  }
  if (!code) return
  const addresses = mergeAddresses(code.addresses, enrollment.addresses)
  if (addresses.join() !== enrollment.addresses.join())
    identity.setEnrollment({ ...enrollment, addresses })
}

/** Installers run with this program's rights, so anyone who can replace its executable gets those rights. */
function warnIfReplaceable(log: Log): void {
  if (!isSingleExecutable() || process.getuid?.() !== 0) return
  const obstacle = writableByOthers(process.execPath)
  if (obstacle === null) return
  log.warn(
    `this agent runs as root, but other users may be able to replace its executable. ${compose(obstacle)}`,
  )
}

/**
 * `run`: the agent, in the foreground, until SIGINT or SIGTERM. @param hardware reads the hardware that the
 * agent runs on @param restartTools replaces the platform's own means of restarting (tests)
 */
export async function runAgentCommand(
  args: Arguments,
  hardware: () => Promise<string | null> = readHardwareId,
  restartTools?: RestartTools,
): Promise<number> {
  const code = args.code === undefined ? null : readCode(args.code)
  await makePrivateFolder(args.state!)
  const folder = prepareStateFolder(args.state!)
  const unlock = lockStateFolder(folder)
  const log = createLog(args['log-file'] ?? null)
  const output = createStdoutLines()
  warnIfReplaceable(log)
  const stop = new AbortController()
  const onSignal = (): void => stop.abort(new Error('the agent is stopping'))
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(name, onSignal)
  try {
    settleIdentityLoss(folder, code !== null, { log, clock: systemClock })
    await finishSplit(folder, systemClock, stop.signal)
    let identity = openIdentity(folder.identityFile)
    const hardwareId = await hardware()
    setName(identity, args.name)
    await ensureEnrolled(identity, folder, code)
    for (;;) {
      try {
        await runAgent(
          {
            folder,
            identity,
            installRoot: args['install-root'] ?? null,
            hardwareId,
            ...(restartTools ? { restartTools } : {}),
            onConnected: (address) => output.write(`Connected to ${address}.\n`),
            onReplaced: () => stop.abort(new Error('the agent restarts for an update')),
            onLost: (why) => output.write(`Connection lost: ${replaceMisleading(why)}.\n`),
            clock: systemClock,
            random: systemRandom,
            log,
          },
          stop.signal,
        )
        return 0
      } catch (error) {
        if (error instanceof SeparateDeviceError) {
          await finishSplit(folder, systemClock, stop.signal)
          identity = openIdentity(folder.identityFile)
          output.write(
            `Another PC has the same identity. This one is device ${identity.enrollment()?.device_id} now and waits for approval.\n`,
          )
          continue
        }
        if (!(error instanceof RefusedError)) throw error
        // The PC was removed from the console and has a new code, so it enrols again.
        const isNew = code && secretHash(code.secret) !== identity.enrollment()?.secret_hash
        if (!isNew) throw new AgentFailure(`The controller refused this agent: ${error.message}`)
        // If a separation has begun, enrol with the new key, never again with the other PC's identity.
        if (peekIdentity(folder.identityFile).next) {
          await finishSplit(folder, systemClock, stop.signal, true)
          identity = openIdentity(folder.identityFile)
        }
        await enrollNow(identity, folder, code)
      }
    }
  } catch (error) {
    if (stop.signal.aborted && error === stop.signal.reason) return 0
    throw error
  } finally {
    unlock()
  }
}
