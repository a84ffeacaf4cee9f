/**
 * Carries out orders to restart this PC. Each is signed for this purpose, for this device and for one of its
 * boots: once the PC has booted again, the order is void, no matter who repeats it or when. The platform times
 * the notice, so the agent may end meanwhile.
 */
import { coded, type CodedText } from '#shared/domain/coded-texts/codes.ts'
import { compose } from '#shared/domain/coded-texts/compose.ts'
import type {
  RestartAbility,
  RestartOrder,
  RestartReply,
  RestartWithdrawal,
} from '#shared/contract/agent/restart.ts'
import type { AnyValues } from '#shared/domain/templates.ts'
import type { Enrollment } from '../identity/identity.ts'
import { errorText } from '../lib/atomic-file.ts'
import type { Log } from '../lib/log.ts'
import type { CommandResult } from '../lib/run-command.ts'
import { openRestart } from '../link/envelope.ts'
import {
  withdrawCall,
  isNothingToWithdraw,
  isAlreadyScheduled,
  noticeText,
  restartCall,
} from './commands.ts'
import type { KnownRestart, RestartJournal } from './restart-journal.ts'
import type { RestartTools } from './tools.ts'

/** Nothing is installed for this long after the end of a notice, because the restart may only be late. */
const LATE_SECONDS = 3_600
const MESSAGE_LIMIT = 500

const refused = (text: { message: string; code?: string; params?: AnyValues }): RestartReply => ({
  result: 'refused',
  ...text,
  message: text.message.slice(0, MESSAGE_LIMIT),
})
const withMessage = (text: CodedText) => ({
  message: compose(text),
  code: text.code,
  params: text.params,
})

/** The message of the journal. An earlier version stored no code. */
const noted = ({ message, code, params }: KnownRestart) => ({
  message,
  ...(code !== undefined && params && { code, params }),
})

export type Restarts = ReturnType<typeof createRestarts>

export function createRestarts(deps: {
  enrollment: () => Enrollment
  journal: RestartJournal
  tools: Omit<RestartTools, 'ability'>
  ability: RestartAbility
  /** Whether an attempt of any deployment is waiting or running on this PC. */
  isBusy: () => boolean
  log: Log
}) {
  const { journal, tools, ability, log } = deps
  let turn: Promise<unknown> = Promise.resolve()

  const isHere = ({ boot }: Pick<KnownRestart, 'boot'>): boolean =>
    ability.possible && boot === ability.boot_id
  function failureOf({ code, stdout, stderr, missing }: CommandResult): CodedText {
    if (missing) return coded('restart_tool_missing', {})
    if (code === null) return coded('restart_tool_stopped', {})
    const line = (stderr || stdout).trim().slice(0, MESSAGE_LIMIT)
    return line
      ? coded('restart_tool_failed_saying', { exit_code: code, line })
      : coded('restart_tool_failed', { exit_code: code })
  }
  const announced = (known: KnownRestart): RestartReply => ({
    result: 'announced',
    due_in_seconds: Math.max(0, known.due_uptime - tools.uptimeSeconds()),
  })
  /** Orders of this boot that may be in progress. */
  const pending = (): KnownRestart[] =>
    journal
      .all()
      .filter((known) => isHere(known) && (known.step === 'ordered' || known.step === 'announced'))

  /** Sends the command to the platform. A repetition within the same boot does not cause a second restart. */
  async function announce(known: KnownRestart, order: RestartOrder): Promise<RestartReply> {
    const wasOrdered = journal.known(known.id)?.step === 'ordered'
    journal.write(known, order.sequence)
    const text = noticeText(order.deployment_name, Math.ceil(order.delay_seconds / 60))
    const result = await tools.run(restartCall(tools.platform, order.delay_seconds, text))
    const isScheduled = isAlreadyScheduled(tools.platform, result.code)
    if (result.code === 0 || (isScheduled && wasOrdered)) {
      log.warn({ restart: known.id, seconds: order.delay_seconds }, 'this PC is going to restart')
      journal.write({ ...known, step: 'announced' })
      return announced(known)
    }
    if (isScheduled) {
      journal.write({
        ...known,
        step: 'failed',
        ...withMessage(coded('restart_already_scheduled', {})),
      })
      return { result: 'busy', message: 'Another restart is scheduled on this PC already.' }
    }
    const failure = withMessage(failureOf(result))
    journal.write({ ...known, step: 'failed', ...failure })
    return refused(failure)
  }

  async function execute(order: RestartOrder): Promise<RestartReply> {
    if (!ability.possible) {
      const { why, code, params } = ability
      return refused({ message: why, ...(code && params && { code, params }) })
    }
    if (order.boot_id !== ability.boot_id) return { result: 'passed' }
    const known = journal.known(order.restart_id)
    switch (known?.step) {
      case 'announced':
        return announced(known)
      case 'called_off':
        return { result: 'called_off' }
      case 'failed':
        if (order.sequence <= journal.highestSequence()) return refused(noted(known))
        break
      // Stored, but then this agent ended: whether the platform received the command is unknown.
      case 'ordered':
        break
      case undefined:
        if (order.sequence <= journal.highestSequence())
          return refused(withMessage(coded('restart_order_old', {})))
    }
    if (deps.isBusy()) return { result: 'busy', message: 'An installation is running on this PC.' }
    if (pending().some(({ id }) => id !== order.restart_id))
      return { result: 'busy', message: 'This PC is about to restart already.' }
    return announce(
      {
        id: order.restart_id,
        boot: ability.boot_id,
        due_uptime: tools.uptimeSeconds() + order.delay_seconds,
        step: 'ordered',
        message: '',
      },
      order,
    )
  }

  async function withdraw({ restart_id: id, sequence }: RestartWithdrawal): Promise<RestartReply> {
    const known = journal.known(id)
    if (known?.step === 'called_off') return { result: 'called_off' }
    if (known && !isHere(known)) return { result: 'passed' }
    const isUnderWay = known?.step === 'ordered' || known?.step === 'announced'
    if (isUnderWay) {
      const result = await tools.run(withdrawCall(tools.platform))
      if (result.code !== 0 && !isNothingToWithdraw(tools.platform, result.code))
        return refused(withMessage(failureOf(result)))
      log.warn({ restart: id }, 'the restart of this PC was withdrawn')
    }
    const forgotten = { boot: ability.possible ? ability.boot_id : 'unknown', due_uptime: 0 }
    journal.write({ ...(known ?? forgotten), id, step: 'called_off', message: '' }, sequence)
    return { result: 'called_off' }
  }

  async function decide(body: unknown): Promise<RestartReply> {
    try {
      const opened = openRestart(body, deps.enrollment())
      const reply = !opened.ok
        ? refused(withMessage(opened.text))
        : opened.payload.action === 'restart'
          ? await execute(opened.payload)
          : await withdraw(opened.payload)
      if (reply.result === 'refused') log.warn(reply, 'an order to restart is refused')
      return reply
    } catch (error) {
      log.error({ err: error }, 'an order to restart could not be stored')
      return {
        result: 'busy',
        message: `It could not be written down: ${errorText(error)}`.slice(0, MESSAGE_LIMIT),
      }
    }
  }

  return {
    /** Handles orders as received, one after another. Never rejects. */
    answer: (body: unknown): Promise<RestartReply> => {
      const reply = turn.then(() => decide(body))
      turn = reply
      return reply
    },
    /** This PC is about to restart: accept no new work. */
    isImminent: (): boolean =>
      pending().some((known) => tools.uptimeSeconds() < known.due_uptime + LATE_SECONDS),
    highestSequence: () => journal.highestSequence(),
  }
}
