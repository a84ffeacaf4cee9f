import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { systemClock } from '#shared/node/clock.ts'
import type { DevicePlatform } from '#shared/domain/platforms.ts'
import { devicePlatform } from '../facts/facts.ts'
import { peekIdentity } from '../identity/identity.ts'
import { identityLoss, openOwnIdentity } from '../identity/recover.ts'
import { lockStateFolder, prepareStateFolder, stateFolder } from '../identity/state-folder.ts'
import { AgentFailure } from '../lib/failure.ts'
import { createLog } from '../lib/log.ts'
import { openSelf, type OpenExecutable } from '../lib/self.ts'
import { layoutOf, type Layout } from '../service/layout.ts'
import {
  checkIsOneFile,
  checkMayChangePc,
  checkPlaces,
  createManager,
  makePrivateFolder,
  placeFiles,
  removeFiles,
} from '../service/service.ts'
import { checkSameHub, enrollNow, readCode, setName } from './enrollment.ts'
import type { Arguments } from './usage.ts'

/** Enrols into the state folder of the service, unless that was done before. The service must be stopped. */
async function ensureEnrolled(layout: Layout, args: Arguments): Promise<void> {
  const code = args.code === undefined ? null : readCode(args.code)
  const folder = prepareStateFolder(layout.state)
  const unlock = lockStateFolder(folder)
  try {
    const identity = openOwnIdentity(folder, code !== null, {
      log: createLog(),
      clock: systemClock,
    })
    if (code) checkSameHub(identity, folder, code)
    setName(identity, args.name)
    if (identity.enrollment()) return
    if (!code)
      throw new AgentFailure(
        'This PC is not enrolled yet. Add --code CODE, from the console under PCs → Add PCs.',
        2,
      )
    await enrollNow(identity, folder, code)
  } finally {
    unlock()
  }
}

/**
 * `install-service`: enrols, copies the executable into place, and starts it now and at every boot. May be
 * run again, also to update.
 */
export async function installServiceCommand(args: Arguments): Promise<number> {
  if (args.code !== undefined) readCode(args.code)
  const platform = devicePlatform()
  checkIsOneFile()
  // Keep it open: after minutes of network access, its name may lead to another file.
  const self = openSelf()
  try {
    return await install(args, platform, self)
  } finally {
    self.close()
  }
}

async function install(
  args: Arguments,
  platform: DevicePlatform,
  self: OpenExecutable,
): Promise<number> {
  await checkMayChangePc(platform)
  const layout = layoutOf(platform, process.env)
  checkPlaces(platform, layout)
  const manager = createManager(platform, layout)
  const isEnrolled =
    existsSync(stateFolder(layout.state).identityFile) &&
    (args.code === undefined || identityLoss(stateFolder(layout.state)) === null) &&
    peekIdentity(stateFolder(layout.state).identityFile).enrollment !== null
  if (!isEnrolled && args.code === undefined)
    throw new AgentFailure(
      'This PC is not enrolled yet. Add --code CODE, from the console under PCs → Add PCs.',
      2,
    )
  // Anyone who can rename the parent folder can replace this one.
  if (platform === 'windows') await makePrivateFolder(dirname(layout.state))
  await makePrivateFolder(layout.state)
  await manager.stop()
  try {
    await ensureEnrolled(layout, args)
    placeFiles(layout, manager.description, self)
  } catch (error) {
    // Start the previously installed service again.
    if (existsSync(layout.descriptionFile)) await manager.start().catch(() => undefined)
    throw error
  }
  await manager.start()
  process.stdout.write(`The service ${layout.service} runs ${layout.executable}.\n`)
  return 0
}

/**
 * `uninstall-service`: stops and removes the service. The identity remains, so that this PC can return as
 * the same device.
 */
export async function uninstallServiceCommand(): Promise<number> {
  const platform = devicePlatform()
  await checkMayChangePc(platform)
  const layout = layoutOf(platform, process.env)
  const manager = createManager(platform, layout)
  await manager.stop()
  await manager.unregister()
  const left = removeFiles(layout)
  process.stdout.write(
    `The service ${layout.service} was removed. The identity of this PC remains in ${layout.state}.\n` +
      (left === null ? '' : `${left} can be deleted now.\n`),
  )
  return 0
}
