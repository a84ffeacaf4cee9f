/** Compares what was read from an installer with what is known to be true about it. Pure. */
import { z } from 'zod'
import { cleanFileName, type PackageFacts } from '../../main/controller/slices/inspection/index.ts'

const oneOrMore = z.union([z.string().nullable(), z.array(z.string().nullable())])
/** One row of a corpus's manifest.json. A list holds every right answer. A field that is left out is not compared. */
export const TrueFacts = z.object({
  file: z.string(),
  /** It must be refused. */
  bad: z.boolean().optional(),
  /** False: a program that installs nothing. */
  installer: z.boolean().optional(),
  tech: oneOrMore.optional(),
  name: oneOrMore.optional(),
  /** Names of the tool that built it, which are wrong as the name of the product. */
  names_false: z.array(z.string()).optional(),
  version: oneOrMore.optional(),
  publisher: oneOrMore.optional(),
  /** `x86` and `any` count as the same: a 32-bit program runs on every PC. */
  arch: z.string().nullable().optional(),
  scope: z.string().optional(),
  silent: z
    .object({ args: z.string().nullable(), works: z.union([z.boolean(), z.string()]).nullable() })
    .optional(),
  rule: z
    .array(
      z.object({
        type: z.string(),
        name: oneOrMore.optional(),
        key: z.string().optional(),
        product_code: z.string().optional(),
      }),
    )
    .nullable()
    .optional(),
  /** `CN=NAME`, or `TAMPERED…`. */
  signer: z.string().optional(),
})
export type TrueFacts = z.infer<typeof TrueFacts>

/** `absent`: nothing is claimed where there is something to know. Honest, but no help. */
export type Verdict = 'right' | 'absent' | 'wrong'
export const FIELDS = [
  'refused',
  'technology',
  'is_installer',
  'name',
  'version',
  'publisher',
  'arch',
  'scope',
  'install_args',
  'detection',
  'signer',
] as const
export type Field = (typeof FIELDS)[number]
export type Comparison = Partial<Record<Field, { verdict: Verdict; found: string }>>

type Rule = NonNullable<PackageFacts['detection']>
const listOf = (value: z.infer<typeof oneOrMore>): (string | null)[] =>
  Array.isArray(value) ? value : [value]

function ofText(found: string | null | undefined, wanted: z.infer<typeof oneOrMore>): Verdict {
  const right = listOf(wanted).map((text) => text ?? '')
  if (right.includes(found ?? '')) return 'right'
  return found ? 'wrong' : 'absent'
}
/** The words of a command line, less what is in brackets. */
const wordsOf = (line: string): string[] =>
  line
    .replace(/\([^)]*\)/g, '')
    .toLowerCase()
    .split(/[\s"]+/)
    .filter((word) => word !== '' && !word.includes('<'))

function ofArguments(facts: PackageFacts, silent: NonNullable<TrueFacts['silent']>): Verdict {
  const found = facts.knowledge?.facts.install_args?.value ?? null
  const isWarned = facts.knowledge?.warnings.some(({ code }) =>
    ['may_wait', 'needs_files', 'needs_property', 'per_user', 'encrypted'].includes(code),
  )
  if (silent.args === null) return found === null ? 'right' : 'wrong'
  if (silent.works === false && isWarned) return 'right'
  if (found === null) return 'absent'
  if (silent.works === false) return 'wrong'
  const words = wordsOf(found)
  return wordsOf(silent.args).every((word) => words.includes(word)) ? 'right' : 'wrong'
}

const cleanedStem = (file: string): string => cleanFileName(file).replace(/\.[^.]*$/, '')
const lastOf = (key: string): string => key.split('\\').at(-1)!
function isSameRule(found: Rule, wanted: NonNullable<TrueFacts['rule']>[number]): boolean {
  switch (found.type) {
    case 'uninstall_key':
      return (
        wanted.type === 'uninstall_entry' &&
        (wanted.key === undefined || lastOf(wanted.key) === found.key)
      )
    case 'msi_product': {
      const code = wanted.product_code?.toLowerCase() ?? found.product_code.toLowerCase()
      return wanted.type === 'msi_product' && code === found.product_code.toLowerCase()
    }
    case 'msix':
      return (
        wanted.type === 'appx' &&
        listOf(wanted.name ?? null).some((name) => name && found.name.startsWith(`${name}_`))
      )
    case 'uninstall_entry':
    case 'dpkg':
    case 'rpm':
    case 'pkgutil':
      return wanted.type === found.type && listOf(wanted.name ?? null).includes(found.name)
    default:
      return false
  }
}

function ofSigner(facts: PackageFacts, wanted: string): Verdict {
  const signer = facts.knowledge?.signer
  if (!signer || signer.state === 'unchecked') return 'absent'
  if (wanted.startsWith('TAMPERED')) return signer.state === 'tampered' ? 'right' : 'wrong'
  if (signer.state !== 'valid_digest') return 'wrong'
  if (!wanted.startsWith('CN=')) return 'right'
  return wanted.slice(3).startsWith(signer.name) && signer.name !== '' ? 'right' : 'wrong'
}

/** @param facts null: the file was refused; `why` is the message */
export function compare(truth: TrueFacts, facts: PackageFacts | null, why = ''): Comparison {
  const isBad = truth.bad ?? false
  const refused = { verdict: isBad === (facts === null) ? 'right' : 'wrong', found: why } as const
  if (facts === null || isBad) return { refused }
  const { knowledge } = facts
  const known = knowledge?.facts ?? {}
  const made: Comparison = { refused }
  const add = (field: Field, verdict: Verdict, found: unknown): void => {
    const text = typeof found === 'string' ? found : JSON.stringify(found ?? null)
    made[field] = { verdict, found: text }
  }
  const technology = knowledge?.technology ?? facts.technology
  if (truth.tech !== undefined) add('technology', ofText(technology, truth.tech), technology)
  const isInstaller = knowledge?.is_installer ?? null
  const isTrulyInstaller = truth.installer ?? true
  add(
    'is_installer',
    isInstaller === null ? 'absent' : isInstaller === isTrulyInstaller ? 'right' : 'wrong',
    isInstaller,
  )
  // Without a name in the file, the name of the file is shown.
  const isOwnName = facts.name !== cleanedStem(truth.file)
  const name = known.name?.value ?? (isOwnName ? facts.name : '')
  if (truth.name !== undefined) add('name', ofText(name, truth.name), name)
  if (truth.names_false?.includes(name)) add('name', 'wrong', name)
  const version = known.version?.value ?? facts.version
  if (truth.version !== undefined) add('version', ofText(version, truth.version), version)
  const publisher = known.publisher?.value ?? facts.publisher
  if (truth.publisher !== undefined) add('publisher', ofText(publisher, truth.publisher), publisher)
  if (truth.arch) {
    const arch = known.arch?.value ?? facts.arch
    const wanted = truth.arch === 'x86' ? ['x86', 'any'] : [truth.arch]
    add('arch', truth.arch === 'other' && !arch ? 'right' : ofText(arch, wanted), arch)
  }
  if (truth.scope !== undefined)
    add('scope', ofText(knowledge?.scope, truth.scope), knowledge?.scope)
  if (truth.silent !== undefined)
    add('install_args', ofArguments(facts, truth.silent), known.install_args?.value)
  if (truth.rule !== undefined) {
    const rule = known.detection?.value ?? facts.detection
    const rules = truth.rule ?? []
    const isRight = rule ? rules.some((one) => isSameRule(rule, one)) : rules.length === 0
    add('detection', isRight ? 'right' : rule ? 'wrong' : 'absent', rule)
  }
  if (truth.signer !== undefined) add('signer', ofSigner(facts, truth.signer), knowledge?.signer)
  return made
}
