/**
 * Judges the state of the key files: what prevents the controller from starting, and what is
 * repaired. Pure.
 */
import { fingerprintOfPublic, FIRST, KEY_FILES } from './key-files.ts'
import type { KeyName, KeySetFacts } from './inspect-keys.ts'
import { belongTogether, type RememberedKeys } from './remembered.ts'

export type KeyIssueCode =
  | 'key_missing'
  | 'key_empty'
  | 'key_damaged'
  | 'key_unreadable'
  /** Matches neither its other half nor what the database remembers. */
  | 'key_foreign'
  /** The database remembers newer keys than these. */
  | 'keys_of_another_controller'
  | 'keystore_file_missing'
  /** No recovery file can be saved with this key. */
  | 'recovery_key_unusable'
  /** The next start creates it again, with no effect except what `key_replaced` states. */
  | 'key_repairable'
  /** Everybody has to sign in again. */
  | 'key_replaceable'
  /** Secrets in arguments have to be entered again. */
  | 'arguments_key_replaceable'
  | 'keys_next_incomplete'
export type KeyIssue = {
  code: KeyIssueCode
  /** Relative to the data folder. */
  file: string
  /** Prevents the controller from starting. */
  blocks: boolean
}

/** What the start repairs before it loads the keys. */
export type KeyRepairs = {
  /** Files to move aside; the start creates new ones. */
  setAside: KeyName[]
  /**
   * The public half of the recovery key, SPKI DER base64, to be written where its file is damaged.
   */
  recoveryPublic: string | null
  /** A command key that is no longer used but still has to verify its old signatures. */
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
 * @param database how many devices it has: without any, nothing depends on the keys, and broken
 * files are moved aside and created again. And how many installers have sealed arguments
 * @param remembered the keys that the database belongs to; null: unknown
 */
export function judgeKeys(
  facts: KeySetFacts,
  database: { devices: number; sealedArguments: number },
  remembered: RememberedKeys | null,
): { issues: KeyIssue[]; repairs: KeyRepairs } {
  const { files } = facts
  const issues: KeyIssue[] = []
  const setAside = new Set<KeyName>()
  const report = (name: KeyName, code: KeyIssueCode, blocks: boolean): void => {
    issues.push({ code, file: `keys/${KEY_FILES[name]}`, blocks })
  }
  const isKnown = database.devices > 0
  /** A key that agents know: created again only if there are no agents. */
  function lose(name: KeyName, code: KeyIssueCode): void {
    if (isKnown) return report(name, code, true)
    setAside.add(name)
    if (code !== 'key_missing') report(name, 'key_repairable', false)
  }
  const isSound = (name: KeyName): boolean => ['ok', 'sealed'].includes(files[name].state)
  const fault = (name: KeyName): KeyIssueCode => {
    const { state } = files[name]
    return state === 'ok' || state === 'sealed' ? 'key_foreign' : BY_STATE[state]
  }

  // An unreadable file is a matter of permissions: do not replace it.
  for (const name of Object.keys(files) as KeyName[])
    if (files[name].state === 'unreadable') report(name, 'key_unreadable', true)
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
  // A new one costs a sign-in, or a running download.
  for (const name of ['accessTokens', 'downloadTickets'] as const)
    if (!isSound(name)) {
      setAside.add(name)
      if (facts.files.command.state !== 'missing') report(name, 'key_replaceable', false)
    }

  // Folders of earlier versions have none, and need none until an argument is sealed.
  if (!isSound('installArguments')) {
    const isMissing = files.installArguments.state === 'missing'
    if (!isMissing) setAside.add('installArguments')
    if (!isMissing || database.sealedArguments > 0)
      report('installArguments', 'arguments_key_replaceable', false)
  }

  /** Signatures of a replaced command key have to stay verifiable. */
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
      if (isSound('command')) report('commandPublic', 'key_repairable', false)
      return
    }
    if (own === null || own === written) return
    // Which of the two is foreign depends on where else the key is known.
    const known = remembered?.command_key ?? lastStatement('command_key')
    if (known === own || (known === null && !isKnown)) {
      setAside.add('commandPublic')
      report('commandPublic', 'key_repairable', false)
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
    report('succession', 'key_repairable', false)
  }

  function judgeRecovery(): void {
    const plain = files.recovery
    const good = goodRecoveryPublic()
    if (good === null) {
      // Its public half is lost here; only agents know it.
      lose('recoveryPublic', fault('recoveryPublic'))
      if (!isKnown) for (const name of ['recovery', 'recoverySealed'] as const) setAside.add(name)
      return
    }
    if (files.recoveryPublic.publicKey !== good) {
      setAside.add('recoveryPublic')
      report('recoveryPublic', 'key_repairable', false)
    }
    const isPlainUsable =
      plain.state === 'sealed' || (plain.state === 'ok' && plain.publicKey === good)
    if (files.recoverySealed.state === 'ok' || isPlainUsable) return
    if (isKnown) {
      const name = files.recoverySealed.state === 'missing' ? 'recovery' : 'recoverySealed'
      return report(name, 'recovery_key_unusable', false)
    }
    for (const name of ['recovery', 'recoverySealed', 'recoveryPublic'] as const) setAside.add(name)
    if (plain.state !== 'missing') report('recovery', 'key_repairable', false)
  }

  /** Null if no file and no stored value contains it. */
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
    else report(isTlsForeign ? 'tlsKey' : 'command', 'key_foreign', true)
  }

  function judgeCertificate(): void {
    const { state, publicKey } = files.tlsCert
    const isOfKey = files.tlsKey.publicKey === null || files.tlsKey.publicKey === publicKey
    // Which of the two is foreign is unknown: a new certificate for a foreign key would lose every
    // PC.
    if (state === 'ok' && !isOfKey && isKnown && !remembered)
      return report('tlsKey', 'key_foreign', true)
    if (state === 'ok' && isOfKey && !facts.certificate.isExpired && !setAside.has('tlsKey')) return
    setAside.add('tlsCert')
    if (isSound('tlsKey')) report('tlsCert', 'key_repairable', false)
  }

  function lastStatement(field: 'command_key' | 'recovery_key'): string | null {
    const payload = facts.succession?.statements.at(-1)?.payload
    if (payload === undefined) return null
    return (JSON.parse(payload) as Record<string, string>)[field] ?? null
  }
}
