/** What the files of the keys amount to: what keeps the controller from starting, and what is repaired. Pure. */
import { fingerprintOfPublic, FIRST, KEY_FILES } from './key-files.ts'
import type { KeyName, KeySetFacts } from './inspect-keys.ts'
import { belongTogether, type RememberedKeys } from './remembered.ts'

export type KeyIssueCode =
  | 'key_missing'
  | 'key_empty'
  | 'key_damaged'
  | 'key_unreadable'
  /** Fits neither its other half nor what the database remembers. */
  | 'key_foreign'
  /** The database remembers keys that came after these. */
  | 'keys_of_another_controller'
  | 'keystore_file_missing'
  /** No recovery file can be saved with it. */
  | 'recovery_key_unusable'
  /** Made again by the next start, at no cost but what `key_replaced` says. */
  | 'key_repairable'
  /** Everybody has to sign in again. */
  | 'key_replaceable'
  | 'keys_next_incomplete'
export type KeyIssue = {
  code: KeyIssueCode
  /** Relative to the data folder. */
  file: string
  /** The controller does not start with it. */
  blocks: boolean
}

/** What the start does about it before it loads the keys. */
export type KeyRepairs = {
  /** Files that are moved aside; the start makes new ones. */
  setAside: KeyName[]
  /** The public half of the recovery key, SPKI DER base64, to be written where its file is not in order. */
  recoveryPublic: string | null
  /** Command keys that are no longer used: what they signed still has to be proven. */
  pastCommand: string | null
}
export const NO_REPAIRS: KeyRepairs = { setAside: [], recoveryPublic: null, pastCommand: null }

const BY_STATE = {
  missing: 'key_missing',
  empty: 'key_empty',
  damaged: 'key_damaged',
  unreadable: 'key_unreadable',
} as const

/**
 * @param devices how many the database knows. Without any, nobody depends on the keys: what is broken is moved aside and made
 *   again
 * @param remembered the keys that the database belongs to; null: it does not know
 */
export function judgeKeys(
  facts: KeySetFacts,
  devices: number,
  remembered: RememberedKeys | null,
): { issues: KeyIssue[]; repairs: KeyRepairs } {
  const { files } = facts
  const issues: KeyIssue[] = []
  const setAside = new Set<KeyName>()
  const say = (name: KeyName, code: KeyIssueCode, blocks: boolean): void => {
    issues.push({ code, file: `keys/${KEY_FILES[name]}`, blocks })
  }
  const isKnown = devices > 0
  /** A key that agents know: made again only where there are none. */
  function lose(name: KeyName, code: KeyIssueCode): void {
    if (isKnown) return say(name, code, true)
    setAside.add(name)
    if (code !== 'key_missing') say(name, 'key_repairable', false)
  }
  const isSound = (name: KeyName): boolean => ['ok', 'sealed'].includes(files[name].state)
  const fault = (name: KeyName): KeyIssueCode => {
    const { state } = files[name]
    return state === 'ok' || state === 'sealed' ? 'key_foreign' : BY_STATE[state]
  }

  // A file that may not be read is a matter of rights: nothing is made in its place.
  for (const name of Object.keys(files) as KeyName[])
    if (files[name].state === 'unreadable') say(name, 'key_unreadable', true)
  if (facts.vaultFile !== 'ok')
    issues.push({ code: 'keystore_file_missing', file: 'keystore.sealed', blocks: true })
  if (facts.isNextBroken)
    issues.push({ code: 'keys_next_incomplete', file: 'keys.next', blocks: false })
  if (issues.some(({ blocks }) => blocks)) return { issues, repairs: NO_REPAIRS }

  for (const name of ['tlsKey', 'command'] as const) if (!isSound(name)) lose(name, fault(name))
  judgeCommandPublic()
  judgeSuccession()
  judgeRecovery()
  judgeOwner()
  judgeCertificate()
  // A new one costs a sign-in, or a download that is under way.
  for (const name of ['accessTokens', 'downloadTickets'] as const)
    if (!isSound(name)) {
      setAside.add(name)
      if (facts.files.command.state !== 'missing') say(name, 'key_replaceable', false)
    }

  /** What was signed with a command key that is made again has to stay provable. */
  const pastCommand =
    setAside.has('command') && !isKnown
      ? (files.commandPublic.publicKey ?? remembered?.command_key ?? null)
      : null
  if (setAside.has('command')) setAside.add('commandPublic')
  const recoveryPublic = setAside.has('recoveryPublic') ? goodRecoveryPublic() : null
  return { issues, repairs: { setAside: [...setAside], recoveryPublic, pastCommand } }

  function judgeCommandPublic(): void {
    const [own, written] = [files.command.publicKey, files.commandPublic.publicKey]
    if (setAside.has('command')) return
    if (!isSound('commandPublic')) {
      setAside.add('commandPublic')
      if (isSound('command')) say('commandPublic', 'key_repairable', false)
      return
    }
    if (own === null || own === written) return
    // Which of the two is foreign is decided by who else knows the key.
    const known = remembered?.command_key ?? lastStatement('command_key')
    if (known === own || (known === null && !isKnown)) {
      setAside.add('commandPublic')
      say('commandPublic', 'key_repairable', false)
    } else lose('command', 'key_foreign')
  }

  function judgeSuccession(): void {
    const hadChanges =
      facts.certificate.statements > 0 ||
      (remembered !== null && remembered.generation + remembered.epoch > 0)
    const { state } = files.succession
    if (state === 'ok' || (state === 'missing' && !hadChanges)) return
    if (hadChanges || !remembered) return lose('succession', fault('succession'))
    setAside.add('succession')
    say('succession', 'key_repairable', false)
  }

  function judgeRecovery(): void {
    const plain = files.recovery
    const good = goodRecoveryPublic()
    if (good === null) {
      // Nobody knows its public half any more; agents do.
      lose('recoveryPublic', fault('recoveryPublic'))
      if (!isKnown) for (const name of ['recovery', 'recoverySealed'] as const) setAside.add(name)
      return
    }
    if (files.recoveryPublic.publicKey !== good) {
      setAside.add('recoveryPublic')
      say('recoveryPublic', 'key_repairable', false)
    }
    const isPlainUsable =
      plain.state === 'sealed' || (plain.state === 'ok' && plain.publicKey === good)
    if (files.recoverySealed.state === 'ok' || isPlainUsable) return
    if (isKnown) {
      const name = files.recoverySealed.state === 'missing' ? 'recovery' : 'recoverySealed'
      return say(name, 'recovery_key_unusable', false)
    }
    for (const name of ['recovery', 'recoverySealed', 'recoveryPublic'] as const) setAside.add(name)
    if (plain.state !== 'missing') say('recovery', 'key_repairable', false)
  }

  /** Null where no file and no memory tells it. */
  function goodRecoveryPublic(): string | null {
    if (setAside.has('recovery')) return null
    return (
      remembered?.recovery_key ??
      files.recoveryPublic.publicKey ??
      files.recovery.publicKey ??
      lastStatement('recovery_key')
    )
  }

  function judgeOwner(): void {
    const tls = files.tlsKey.publicKey
    const command = files.command.publicKey ?? files.commandPublic.publicKey
    if (!isKnown || !remembered || tls === null || command === null) return
    if (issues.some(({ blocks }) => blocks)) return
    const fingerprint = fingerprintOfPublic(tls)
    const succession = facts.succession ?? FIRST
    if (belongTogether(remembered, { fingerprint, commandKey: command, succession })) return
    const isTlsForeign = fingerprint !== remembered.fingerprint
    const isCommandForeign = command !== remembered.command_key
    if (isTlsForeign && isCommandForeign)
      issues.push({ code: 'keys_of_another_controller', file: 'keys', blocks: true })
    else say(isTlsForeign ? 'tlsKey' : 'command', 'key_foreign', true)
  }

  function judgeCertificate(): void {
    const { state, publicKey } = files.tlsCert
    const isOfKey = files.tlsKey.publicKey === null || files.tlsKey.publicKey === publicKey
    // Which of the two is foreign nobody knows: a new certificate for a foreign key would lose every PC.
    if (state === 'ok' && !isOfKey && isKnown && !remembered)
      return say('tlsKey', 'key_foreign', true)
    if (state === 'ok' && isOfKey && !facts.certificate.isExpired && !setAside.has('tlsKey')) return
    setAside.add('tlsCert')
    if (isSound('tlsKey')) say('tlsCert', 'key_repairable', false)
  }

  function lastStatement(field: 'command_key' | 'recovery_key'): string | null {
    const payload = facts.succession?.statements.at(-1)?.payload
    if (payload === undefined) return null
    return (JSON.parse(payload) as Record<string, string>)[field] ?? null
  }
}
