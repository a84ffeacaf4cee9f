/** What the form of an installer says about its initial values. */
import { describe, expect, it, vi } from 'vitest'
import { h, nextTick, ref } from 'vue'
import type { Detection } from '#shared/contract/detection.ts'
import type { InstallerKnowledge } from '#shared/contract/rest/installer-knowledge.ts'
import { allByRole, byRole, click, show, shownText } from '../../test-kit/mounted.ts'
import { UApp } from '../../ui/ui.ts'
import InstallerFields from './InstallerFields.vue'
import InstallerNotes from './InstallerNotes.vue'
import type { InstallerForm } from './readout.ts'
import { toDetectionForm } from './detection-form.ts'
import { withProposals } from './proposals.ts'

const knowledge: InstallerKnowledge = {
  technology: 'nsis',
  is_installer: true,
  complete: true,
  scope: 'machine',
  signer: null,
  facts: { install_args: { value: '/S', level: 'usual', source: 'NSIS' } },
  warnings: [],
}
const CODE = '{11111111-2222-3333-4444-555555555555}'
const RULE: Detection = { type: 'msi_product', product_code: CODE, version: '3', operator: 'ge' }
const knownMsi: InstallerKnowledge = {
  ...knowledge,
  technology: 'msi',
  facts: {
    arch: { value: 'x64', level: 'read', source: 'its template' },
    uninstall: { value: `msiexec /x ${CODE} /qn`, level: 'read', source: 'its product code' },
    detection: { value: RULE, level: 'read', source: 'its properties' },
    upgrade_of: {
      value: { type: 'upgrade_code', upgrade_code: CODE, version: '3', operator: 'ge' },
      level: 'usual',
      source: 'its upgrade code',
    },
  },
}
const formOf = (install_args: string): InstallerForm => ({
  platform: 'windows',
  arch: 'any',
  install_args,
  secret_args: [],
  timeout_minutes: '60',
  success_exit_codes: '',
  entry: '',
  uninstall_entry: '',
  ...toDetectionForm(null, 'windows'),
})
const fields = (form: InstallerForm, more: Record<string, unknown> = {}) =>
  // It provides what tooltips need.
  h(UApp, () =>
    h(InstallerFields, {
      modelValue: form,
      kind: 'exe',
      fileName: 'setup.exe',
      archive: null,
      technology: 'nsis',
      knowledge,
      errors: {},
      testid: 'test',
      ...more,
    }),
  )

describe('the form of an installer', () => {
  it('shows the command, and how reliable the switch is until it is changed', async () => {
    const form = ref(formOf('/S'))
    await show(() => fields(form.value))
    expect(shownText()).toContain('setup.exe /S')
    byRole('note', 'Usual for NSIS')
    form.value = formOf('/quiet')
    await nextTick()
    expect(shownText()).toContain('setup.exe /quiet')
    expect(allByRole('note')).toEqual([])
  })

  it('shows where a value comes from when the keyboard reaches its level', async () => {
    await show(() => fields(formOf('/S')))
    expect(allByRole('tooltip')).toEqual([])
    byRole('note', 'Usual for NSIS').focus()
    await vi.waitFor(() => expect(shownText()).toContain('Usual for NSIS'))
  })

  it('shows arguments of a manifest that load from another computer, until a person accepts them', async () => {
    const args = 'TRANSFORMS=\\\\server\\share\\a.mst'
    const source = 'manifest (winget)'
    const facts = { install_args: { value: args, level: 'usual' as const, source } }
    const known = { ...knowledge, technology: 'msi' as const, facts }
    const installer = { kind: 'msi' as const, knowledge: known }
    const form = ref(withProposals({ ...formOf(''), platform: 'windows' }, installer))
    expect(form.value.install_args).toBe('')
    const msi = { kind: 'msi', fileName: 'a.msi', technology: null, knowledge: known }
    await show(() => fields(form.value, msi))
    expect(shownText()).toContain('load something from another computer')
    expect(shownText()).toContain(source)
    expect(shownText()).toContain(args)
    await click(byRole('button', 'Use these arguments'))
    await nextTick()
    expect(form.value.install_args).toBe(args)
    form.value = { ...form.value }
    await nextTick()
    expect(shownText()).not.toContain('load something from another computer')
    byRole('note', `Usual for ${source}`)
  })

  it('warns about a program without a silent switch', async () => {
    const form = ref(formOf(''))
    await show(() => fields(form.value))
    expect(shownText()).toContain('No silent switch is known')
    form.value = formOf('/S')
    await nextTick()
    expect(shownText()).not.toContain('No silent switch is known')
  })

  it('says how reliable architecture, rule and removal are, each with its source', async () => {
    const form = ref({ ...formOf(''), arch: 'x64' as const, ...toDetectionForm(RULE, 'windows') })
    const msi = { kind: 'msi', fileName: 'a.msi', technology: null, knowledge: knownMsi }
    await show(() => fields(form.value, msi))
    byRole('note', 'Read in the file: its template')
    byRole('note', 'Read in the file: its properties')
    byRole('note', 'Read in the file: its product code')
    expect(shownText()).toContain(`msiexec /x ${CODE} /qn`)
  })

  it('offers the rule that finds every version, and the one from the file again', async () => {
    const form = ref(formOf(''))
    Object.assign(form.value, toDetectionForm(RULE, 'windows'))
    const msi = { kind: 'msi', fileName: 'a.msi', technology: null, knowledge: knownMsi }
    await show(() => fields(form.value, msi))
    await click(byRole('button', 'Find every version instead'))
    expect(form.value).toMatchObject({ detect_type: 'upgrade_code', detect_code: CODE })
    byRole('note', 'Usual for its upgrade code')
    // Windows Installer removes one product, so this rule alone does not say which.
    expect(shownText()).toContain('DeployX cannot remove it')
    await click(byRole('button', 'Use the rule from the file'))
    expect(form.value).toMatchObject({ detect_type: 'msi_product' })
  })
})

describe('the notes about an installer', () => {
  const notesOf = (args: string, more: Partial<InstallerKnowledge>) =>
    h(InstallerNotes, {
      knowledge: { ...knowledge, ...more },
      args,
      offersAllUsers: true,
      testid: 'test',
    })
  const perUser = [{ code: 'per_user' as const, text: 'It installs for one user.' }]

  it('offer to install an .msi for all users, until the arguments do', async () => {
    const args = ref('')
    const of = { technology: 'msi' as const, warnings: perUser }
    await show(() => notesOf(args.value, of))
    expect(shownText()).toContain('It installs for one user.')
    byRole('button', 'Add ALLUSERS=1')
    args.value = 'ALLUSERS=1'
    await nextTick()
    expect(shownText()).toBe('')
  })

  it('do not offer that for installers that do not know it', async () => {
    await show(() => notesOf('', { warnings: perUser }))
    expect(shownText()).toBe('It installs for one user.')
    expect(allByRole('button')).toEqual([])
  })

  it('say that a program is no installer', async () => {
    await show(() => notesOf('', { technology: 'none', is_installer: false }))
    expect(shownText()).toContain('This is a program, not an installer')
  })
})
