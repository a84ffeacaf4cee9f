/** Shared by the commands that enrol this PC: reads a code, enrols, stores the result. */
import { parseEnrollmentCode, type EnrollmentCode } from '#shared/domain/enrollment-code.ts'
import { systemClock } from '#shared/node/clock.ts'
import { gatherFacts } from '../facts/facts.ts'
import type { Identity } from '../identity/identity.ts'
import type { StateFolder } from '../identity/state-folder.ts'
import { createJournal } from '../journal/journal.ts'
import { AgentFailure } from '../lib/failure.ts'
import { secretHash } from '../link/secret-hash.ts'
import { createRestartJournal } from '../restart/restart-journal.ts'

/** @throws AgentFailure with exit code 2 when it is not a code */
export function readCode(text: string): EnrollmentCode {
  const code = parseEnrollmentCode(text)
  if (!code)
    throw new AgentFailure(
      'The code is incomplete or mistyped. Copy it again from the console, under PCs → Add PCs.',
      2,
    )
  return code
}

/** Creates the journals. Call it before storing the enrolment: a journal missing after that was lost. */
export function createRecords(folder: StateFolder): void {
  createJournal(folder.journalFile)
  createRestartJournal(folder.restartsFile)
}

/** Enrols, stores the hub's answer and prints a line. @throws AgentFailure */
export async function enrollNow(
  identity: Identity,
  folder: StateFolder,
  code: EnrollmentCode,
): Promise<void> {
  const { enroll } = await import('../link/enroll.ts')
  const facts = gatherFacts(identity.name(), folder.path)
  const enrollment = await enroll(identity, code, facts, systemClock)
  createRecords(folder)
  identity.setEnrollment(enrollment)
  process.stdout.write(`Enrolled as device ${enrollment.device_id} (${facts.name}).\n`)
}

/** @throws AgentFailure when the folder is enrolled with a controller other than the code's */
export function checkSameHub(identity: Identity, folder: StateFolder, code: EnrollmentCode): void {
  const enrollment = identity.enrollment()
  if (!enrollment || enrollment.fingerprint === code.fingerprint) return
  // If this code enrolled the agent, it is the same controller, whose key has changed since.
  if (enrollment.secret_hash !== secretHash(code.secret))
    throw new AgentFailure(
      `The state folder ${folder.path} is enrolled with another controller. Use another --state folder for this code.`,
    )
}

export function setName(identity: Identity, name: string | undefined): void {
  if (name === undefined || name === identity.name()) return
  if (name.length > 255) throw new AgentFailure('--name is longer than 255 characters.', 2)
  identity.setName(name)
}
