import { isHubAddress } from '#shared/domain/enrollment-code.ts'
import { PAIRING_ANSWER_MS } from '#shared/domain/defaults.ts'
import { groupDigits } from '#shared/domain/pairing.ts'
import type { FoundHub } from '../discovery/browse.ts'
import { gatherFacts } from '../facts/facts.ts'
import { openIdentity } from '../identity/identity.ts'
import { lockStateFolder, prepareStateFolder } from '../identity/state-folder.ts'
import { AgentFailure } from '../lib/failure.ts'
import { createLog } from '../lib/log.ts'
import { openTerminal, printable, type Terminal } from './ask.ts'
import { setName } from './enrollment.ts'
import type { Arguments } from './usage.ts'

const LISTEN_MS = 4_000

/** @throws AgentFailure when none is announced, or nobody says which */
async function chooseHub(terminal: Terminal): Promise<string> {
  const { browse } = await import('../discovery/browse.ts')
  terminal.say('Looking for controllers on this network.')
  const never = new AbortController().signal
  const hubs = await browse({ forMs: LISTEN_MS, signal: never, log: createLog() })
  const describe = ({ name, addresses, fingerprint }: FoundHub): string =>
    `${printable(name)}  ${addresses[0]}  key ${fingerprint}`
  hubs.forEach((hub, i) => terminal.say(`  ${i + 1}  ${describe(hub)}`))
  const [first] = hubs
  if (!first)
    throw new AgentFailure(
      'No controller is announced on this network. Name it with --hub HOST:PORT; the console shows the address at the foot of its sidebar.',
    )
  if (hubs.length === 1) return first.addresses[0]!
  const answer = await terminal.ask(`Which one? [1-${hubs.length}]`, PAIRING_ANSWER_MS)
  const chosen = hubs[Number(answer) - 1]
  if (!chosen) throw new AgentFailure('No controller was chosen.')
  return chosen.addresses[0]!
}

/** `discover`: enrols this PC without a code, by digits that are compared on both screens. */
export async function discoverCommand(args: Arguments): Promise<number> {
  const { hub } = args
  if (hub !== undefined && !isHubAddress(hub))
    throw new AgentFailure('--hub takes HOST:PORT, such as 192.168.1.20:7480.', 2)
  const folder = prepareStateFolder(args.state!)
  const unlock = lockStateFolder(folder)
  const terminal = openTerminal()
  try {
    const identity = openIdentity(folder.identityFile)
    setName(identity, args.name)
    const known = identity.enrollment()
    if (known) {
      terminal.say(`Already enrolled as device ${known.device_id}.`)
      return 0
    }
    const address = hub ?? (await chooseHub(terminal))
    const { pair } = await import('../link/pairing.ts')
    const facts = gatherFacts(identity.name(), folder.path)
    const enrollment = await pair({
      address,
      identity,
      facts,
      keep: (made) => identity.setEnrollment(made),
      person: {
        async compare(digits, signal) {
          terminal.say(`The controller at ${address} answers. In its console, under Devices, ${printable(facts.name)} waits for approval.`) // prettier-ignore
          terminal.say(`\n    ${groupDigits(digits)}\n`)
          const question = 'Do these digits stand in the console? [y/N]'
          const answer = await terminal.ask(question, PAIRING_ANSWER_MS, signal)
          return /^y(es)?$/i.test(answer ?? '')
        },
        waiting: () => terminal.say('Confirmed here. Approve this PC in the console.'),
      },
    })
    terminal.say(`Enrolled as device ${enrollment.device_id} (${printable(facts.name)}).`)
    return 0
  } finally {
    terminal.close()
    unlock()
  }
}
