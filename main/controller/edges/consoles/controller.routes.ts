/** The controller's identity over REST: its keys and its recovery file. */
import { createReadStream, createWriteStream, mkdirSync, statSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { isoTime, type Clock, type Random } from '../../base/context.ts'
import { AppError, validationError } from '#shared/contract/errors.ts'
import {
  RestoreFields,
  type ControllerIdentityView,
} from '#shared/contract/rest/controller-routes.ts'
import type { Checks } from '../../slices/check/index.ts'
import type { Devices } from '../../slices/devices/index.ts'
import type { ControllerIdentity } from '../../slices/identity/index.ts'
import { isLoopback } from '../../base/addresses.ts'
import { freeBytesAt } from '../../store/free-space.ts'
import type { Handlers } from './handlers.ts'
import { isLoopbackName } from './served-names.ts'
import type { SetupCode } from './setup-code.ts'
import { readParts, type Receive } from './upload.ts'

/** Delay before the restart, so that the response to the restore is sent first. */
const RESTART_AFTER_MS = 500
/** The free space is checked again each time that so much has arrived. */
const CHECK_EVERY_BYTES = 32 * 1024 * 1024
/** What an uploaded recovery file leaves free, more than what may arrive between two checks. */
const SPARE_BYTES = 64 * 1024 * 1024

function decodeRestore(texts: ReadonlyMap<string, unknown>): RestoreFields {
  const parsed = RestoreFields.safeParse(Object.fromEntries(texts))
  if (!parsed.success) throw validationError(parsed.error, 'The restore is not valid')
  return parsed.data
}

type Restorable = { file: string; discard: () => Promise<void> }

/** @throws AppError E_DISK_FULL */
function checkSpaceFor(folder: string, bytes: number): void {
  if (freeBytesAt(folder) >= bytes + SPARE_BYTES) return
  throw new AppError(
    'E_DISK_FULL',
    `The disk that holds ${folder} has too little free space for this file. Free some, then restore again.`,
  )
}

/** Ends an upload that would fill the disk: a size that is not announced is not known before. */
function spaceGuard(folder: string): Transform {
  let unchecked = 0
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      unchecked += chunk.length
      try {
        if (unchecked >= CHECK_EVERY_BYTES) checkSpaceFor(folder, (unchecked = 0))
        done(null, chunk)
      } catch (error) {
        done(error as Error)
      }
    },
  })
}

export function controllerHandlers(deps: {
  identity: ControllerIdentity
  checks: Checks
  devices: Devices
  setupCode: SetupCode
  dataDir: string
  /** Restarts the controller; null when a person has to restart it. */
  restart: (() => void) | null
  clock: Clock
  random: Random
}): Handlers<'controller'> {
  const { identity, checks, devices, clock } = deps
  function view(): ControllerIdentityView {
    const description = identity.describe()
    const { total } = devices.counts()
    return {
      ...description,
      devices_total: total,
      devices_followed:
        description.changed_at === null ? total : devices.seenSince(description.changed_at),
    }
  }
  /**
   * Writes an uploaded recovery file to disk, under a generated name. Nobody has signed in yet: the setup code comes
   * first, and the disk keeps some free space.
   */
  async function receive({ stream, texts, sizeBytes = 0 }: Parameters<Receive<Restorable>>[0]) {
    if (deps.setupCode.isNeeded) deps.setupCode.check(decodeRestore(texts).setup_code)
    const folder = join(deps.dataDir, 'temporary')
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const file = join(folder, `restore-${deps.random.bytes(8).toString('hex')}`)
    const discard = (): Promise<void> => rm(file, { force: true })
    try {
      checkSpaceFor(folder, sizeBytes)
      await pipeline(stream, spaceGuard(folder), createWriteStream(file, { mode: 0o600 }))
    } catch (error) {
      await discard()
      throw error
    }
    return { file, discard }
  }

  return {
    'controller.identity': () => view(),
    'controller.check': () => checks.status(),
    'controller.start_check': () => checks.start(),
    'controller.cancel_check': () => checks.cancel(),
    'controller.rotate': async ({ body }, { viewer }) => {
      await identity.rotate(viewer, { tls: body.tls, command: body.command })
      return view()
    },
    'controller.save_recovery': async ({ body }, { viewer, reply }) => {
      const { file, remove } = await identity.saveRecoveryFile(viewer, body.passphrase)
      const stream = createReadStream(file)
      // Remove it whether it was sent or the client disconnected.
      stream.once('close', remove)
      const day = isoTime(clock.wallMs()).slice(0, 10)
      void reply
        .type('application/octet-stream')
        .header('content-length', statSync(file).size)
        .header('content-disposition', `attachment; filename="deployx-${day}.recovery"`)
      return stream
    },
    'controller.restore': async (_request, { raw, remoteAddress }) => {
      if (!isLoopback(remoteAddress) || !isLoopbackName(raw.headers.host))
        throw new AppError(
          'E_SETUP_LOOPBACK_ONLY',
          'A controller is restored on the computer that runs it.',
        )
      identity.checkRestorable()
      const { upload, fields } = await readParts(raw, {
        receive,
        decode: decodeRestore,
        clock,
      })
      try {
        await identity.stageRestore(upload.file, fields.passphrase, fields.revoke === 'true')
      } finally {
        await upload.discard()
      }
      if (deps.restart) clock.setTimer(RESTART_AFTER_MS, deps.restart)
      return { success: true, restarting: deps.restart !== null }
    },
  }
}
