import { expect, it } from 'vitest'
import { compare, TrueFacts } from './compare.ts'
import { knowledgeOf, read, warning } from '../../main/controller/slices/inspection/knowledge.ts'
import type { PackageFacts } from '../../main/controller/slices/inspection/index.ts'

const rule = { type: 'uninstall_key', key: 'Probe', hive: 'machine', operator: 'ge' } as const
const facts = (changed: Partial<PackageFacts> = {}): PackageFacts => ({
  name: 'probe',
  version: '',
  publisher: '',
  platform: 'windows',
  arch: 'any',
  archWord: '',
  detection: null,
  ...changed,
})
const RULE = [{ type: 'uninstall_entry', key: 'HKLM\\…\\Probe' }]
const verdicts = (truth: object, found: PackageFacts | null) =>
  Object.fromEntries(
    Object.entries(compare(TrueFacts.parse({ file: 'probe.exe', ...truth }), found)).map(
      ([field, { verdict }]) => [field, verdict],
    ),
  )

it('counts a field that nothing is claimed about as absent, not as wrong', () => {
  const truth = {
    name: 'Probe',
    version: '1',
    arch: 'x64',
    silent: { args: '/S', works: true },
    rule: RULE,
    signer: 'CN=Ann',
  }
  expect(verdicts(truth, facts())).toEqual({
    refused: 'right',
    is_installer: 'absent',
    name: 'absent',
    version: 'absent',
    arch: 'wrong',
    install_args: 'absent',
    detection: 'absent',
    signer: 'absent',
  })
})

it('accepts any of several right answers, and any architecture for an x86 program', () => {
  const truth = { name: ['Probe', 'Probe 1'], version: '', arch: 'x86', rule: RULE }
  const found = facts({ name: 'Probe 1', detection: rule, knowledge: knowledgeOf('nsis') })
  expect(new Set(Object.values(verdicts(truth, found)))).toEqual(new Set(['right']))
})

it('counts as wrong what contradicts the truth', () => {
  const truth = {
    installer: false,
    name: null,
    names_false: ['Tool'],
    version: '1',
    rule: null,
    signer: 'CN=Ann',
  }
  const signer = { name: 'Eve', state: 'valid_digest' } as const
  const knowledge = knowledgeOf('nsis', { signer })
  const found = facts({ name: 'Tool', version: '2', detection: rule, knowledge })
  expect(verdicts(truth, found)).toEqual({
    refused: 'right',
    is_installer: 'wrong',
    name: 'wrong',
    version: 'wrong',
    detection: 'wrong',
    signer: 'wrong',
  })
})

it('accepts arguments that do not work only with a warning', () => {
  const truth = { silent: { args: '/S', works: false } }
  const install_args = read('/S', 'test')
  const found = (...warnings: ReturnType<typeof warning>[]) =>
    facts({ knowledge: knowledgeOf('nsis', { facts: { install_args }, warnings }) })
  expect(verdicts(truth, found()).install_args).toBe('wrong')
  expect(verdicts(truth, found(warning('may_wait', 'It asks.'))).install_args).toBe('right')
})

it('expects bad files, and no others, to be refused', () => {
  expect(verdicts({ bad: true }, facts())).toEqual({ refused: 'wrong' })
  expect(verdicts({ bad: true }, null)).toEqual({ refused: 'right' })
  expect(verdicts({}, null)).toEqual({ refused: 'wrong' })
})
