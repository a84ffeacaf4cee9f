import { systemClock } from '#shared/node/clock.ts'
import { openIdentity } from '../identity/identity.ts'
import { settleIdentityLoss } from '../identity/recover.ts'
import { finishSplit } from '../identity/split.ts'
import { lockStateFolder, prepareStateFolder } from '../identity/state-folder.ts'
import { createLog } from '../lib/log.ts'
import { makePrivateFolder } from '../service/service.ts'
import { checkSameHub, enrollNow, readCode, setName } from './enrollment.ts'
import type { Arguments } from './usage.ts'

/** `enroll`: enrols this PC with the controller; a folder that is already enrolled there stays unchanged. */
export async function enrollCommand(args: Arguments): Promise<number> {
  const code = readCode(args.code!)
  await makePrivateFolder(args.state!)
  const folder = prepareStateFolder(args.state!)
  const unlock = lockStateFolder(folder)
  try {
    settleIdentityLoss(folder, true, { log: createLog(), clock: systemClock })
    await finishSplit(folder, systemClock, new AbortController().signal)
    const identity = openIdentity(folder.identityFile)
    checkSameHub(identity, folder, code)
    setName(identity, args.name)
    const enrollment = identity.enrollment()
    if (enrollment) process.stdout.write(`Already enrolled as device ${enrollment.device_id}.\n`)
    else await enrollNow(identity, folder, code)
    return 0
  } finally {
    unlock()
  }
}
