/** What the form of an installer tells about the values that it starts with. */
import { describe, expect, it } from 'vitest'
import { h, nextTick, ref } from 'vue'
import type { InstallerKnowledge } from '#shared/contract/rest/installer-knowledge.ts'
import { allByRole, byRole, show, shownText } from '../../test-kit/mounted.ts'
import { UApp } from '../../ui/ui.ts'
import InstallerFields from './InstallerFields.vue'
import type { InstallerForm } from './readout.ts'
import { toDetectionForm } from './detection-form.ts'

const knowledge: InstallerKnowledge = {
  technology: 'nsis',
  is_installer: true,
  complete: true,
  scope: 'machine',
  signer: null,
  facts: { install_args: { value: '/S', level: 'usual', source: 'NSIS' } },
  warnings: [{ code: 'may_wait', text: 'It may wait for an answer.' }],
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
const fields = (form: InstallerForm) =>
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
    }),
  )

describe('the form of an installer', () => {
  it('shows the command, the warnings, and how reliable the switch is until it is changed', async () => {
    const form = ref(formOf('/S'))
    await show(() => fields(form.value))
    expect(shownText()).toContain('setup.exe /S')
    expect(shownText()).toContain('It may wait for an answer.')
    byRole('note', 'Usual for NSIS')
    form.value = formOf('/quiet')
    await nextTick()
    expect(shownText()).toContain('setup.exe /quiet')
    expect(allByRole('note')).toEqual([])
  })

  it('warns about a program without a silent switch', async () => {
    const form = ref(formOf(''))
    await show(() => fields(form.value))
    expect(shownText()).toContain('No silent switch is known')
    form.value = formOf('/S')
    await nextTick()
    expect(shownText()).not.toContain('No silent switch is known')
  })
})
