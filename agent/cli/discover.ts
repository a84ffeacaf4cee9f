import { isHubAddress } from '#shared/domain/enrollment-code.ts'
import { PAIRING_ANSWER_MS } from '#shared/domain/defaults.ts'
import type { Fingerprint } from '#shared/domain/ids.ts'
import { groupDigits } from '#shared/domain/pairing.ts'
import { systemClock } from '#shared/node/clock.ts'
import { systemRandom } from '#shared/node/random.ts'
import type { FoundHub } from '../discovery/browse.ts'
import { gatherFacts } from '../facts/facts.ts'
import type { Enrollment } from '../identity/identity.ts'
import { openOwnIdentity } from '../identity/recover.ts'
import { lockStateFolder, prepareStateFolder } from '../identity/state-folder.ts'
import { AgentFailure } from '../lib/failure.ts'
import { createLog } from '../lib/log.ts'
import { NotReachedError, pair, type Person } from '../link/pairing.ts'
import { makePrivateFolder } from '../service/service.ts'
import { openTerminal, printable, type Terminal } from './ask.ts'
import { createRecords, setName } from './enrollment.ts'
import type { Arguments } from './usage.ts'

const LISTEN_MS = 4_000

type Chosen = { addresses: string[]; advertisedKey: Fingerprint | null }

/** @throws AgentFailure when none is advertised, or nobody chooses one */
async function chooseHub(terminal: Terminal): Promise<Chosen> {
  const { browse } = await import('../discovery/browse.ts')
  terminal.print('Looking for controllers on this network.')
  const never = new AbortController().signal
  const hubs = await browse({
    forMs: LISTEN_MS,
    signal: never,
    clock: systemClock,
    log: createLog(),
  })
  const describe = ({ name, addresses, fingerprint }: FoundHub): string =>
    `${printable(name)}  ${addresses.join(', ')}  key ${fingerprint}`
  hubs.forEach((hub, i) => terminal.print(`  ${i + 1}  ${describe(hub)}`))
  if (hubs.length === 0)
    throw new AgentFailure(
      'No controller is advertised on this network. Name it with --hub HOST:PORT; the console shows the address at the foot of its sidebar.',
    )
  const answer =
    hubs.length === 1 ? '1' : await terminal.ask(`Which one? [1-${hubs.length}]`, PAIRING_ANSWER_MS)
  const chosen = /^\d+$/.test(answer ?? '') ? hubs[Number(answer) - 1] : undefined
  if (!chosen) throw new AgentFailure('No controller was chosen.')
  return { addresses: chosen.addresses, advertisedKey: chosen.fingerprint }
}

/** Tries the addresses in turn until one leads to the hub. @throws AgentFailure */
async function pairWith(
  { addresses, advertisedKey }: Chosen,
  options: Omit<Parameters<typeof pair>[0], 'address' | 'advertisedKey' | 'person'>,
  terminal: Terminal,
): Promise<Enrollment> {
  const name = printable(options.facts.name)
  const failures: string[] = []
  for (const address of addresses) {
    const person: Person = {
      async compare(digits, signal) {
        terminal.print(
          `The controller at ${address} answers. In its console, under PCs, ${name} waits for approval.`,
        )
        terminal.print(`\n    ${groupDigits(digits)}\n`)
        const question = 'Does the console show the same digits? [y/N]'
        const answer = await terminal.ask(question, PAIRING_ANSWER_MS, signal)
        return /^y(es)?$/i.test(answer ?? '')
      },
      waiting: () => terminal.print('Confirmed here. Approve this PC in the console.'),
    }
    try {
      return await pair({ ...options, address, advertisedKey, person })
    } catch (error) {
      if (!(error instanceof NotReachedError)) throw error
      failures.push(error.message)
    }
  }
  throw new AgentFailure(failures.join(' '))
}

/** `discover`: enrols this PC without a code, by digits that are compared on both screens. */
export async function discoverCommand(args: Arguments): Promise<number> {
  const { hub } = args
  if (hub !== undefined && !isHubAddress(hub))
    throw new AgentFailure('--hub takes HOST:PORT, such as 192.168.1.20:7480.', 2)
  await makePrivateFolder(args.state!)
  const folder = prepareStateFolder(args.state!)
  const unlock = lockStateFolder(folder)
  const terminal = openTerminal()
  try {
    const identity = openOwnIdentity(folder, true, { log: createLog(), clock: systemClock })
    setName(identity, args.name)
    const known = identity.enrollment()
    if (known) {
      terminal.print(`Already enrolled as device ${known.device_id}.`)
      return 0
    }
    const chosen = hub ? { addresses: [hub], advertisedKey: null } : await chooseHub(terminal)
    const facts = gatherFacts(identity.name(), folder.path)
    const keep = (made: Enrollment): void => {
      createRecords(folder)
      identity.setEnrollment(made)
    }
    const enrollment = await pairWith(
      chosen,
      { identity, facts, keep, clock: systemClock, random: systemRandom },
      terminal,
    )
    terminal.print(`Enrolled as device ${enrollment.device_id} (${printable(facts.name)}).`)
    return 0
  } finally {
    terminal.close()
    unlock()
  }
}
