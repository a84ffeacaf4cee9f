/** What is shown after an upload: what was read, what is filled in, and what else the library has of it. */
import { describe, expect, it, vi } from 'vitest'
import { h } from 'vue'
import { Software } from '#shared/contract/rest/software.ts'
import type { InstallerKnowledge } from '#shared/contract/rest/installer-knowledge.ts'
import { API } from '../../api/index.ts'
import { aSoftware } from '../../test-kit.ts'
import { allByRole, byRole, click, show, shownText } from '../../test-kit/mounted.ts'
import { UApp } from '../../ui/ui.ts'
import { useSoftwareStore } from '../software/index.ts'
import ReadoutForm from './ReadoutForm.vue'

const KNOWN: InstallerKnowledge = {
  technology: 'nsis',
  is_installer: true,
  complete: true,
  scope: 'machine',
  signer: { name: 'Ann Onym', state: 'valid_digest' },
  facts: { install_args: { value: '/S', level: 'usual', source: 'NSIS' } },
  warnings: [],
}
type Options = { knowledge?: InstallerKnowledge; version?: string; sha256?: string; name?: string }
function upload(
  id: number,
  { knowledge = KNOWN, version = '1.0', sha256, name = 'Probe' }: Options = {},
) {
  const [installer] = aSoftware({}).installers
  return Software.parse({
    ...aSoftware({ id, name, version, product_id: 'uninstall_key:probe' }),
    installers: [
      {
        ...installer!,
        id,
        kind: 'exe',
        platform: 'windows',
        arch: 'any',
        file_name: 'setup.exe',
        install_args: '',
        knowledge,
        sha256: sha256 ?? null,
      },
    ],
  })
}

async function showForm(software: Software, library: Software[] = []) {
  const call = vi.fn((_route: string, _input?: unknown) => Promise.resolve({}))
  const done = vi.fn<() => void>()
  const opened = vi.fn<(id: number) => void>()
  await show(
    () =>
      h(UApp, () =>
        h(ReadoutForm, {
          software,
          installer: software.installers[0]!,
          onDone: done,
          onOpen: ({ id }: Software) => opened(id),
          onVnodeBeforeMount: () => {
            for (const one of [...library, software]) useSoftwareStore().put(one)
          },
        }),
      ),
    { [API]: { call } },
  )
  return { call, done, opened }
}
const argumentsField = () => byRole('textbox', 'Arguments') as HTMLInputElement

describe('the details of an upload', () => {
  it('are filled in, with the tool, the scope and the signer', async () => {
    await showForm(upload(1))
    expect(argumentsField().value).toBe('/S')
    expect(shownText()).toContain('NSIS · for all users · signed by Ann Onym')
    expect(shownText()).toContain('In the library. Check what DeployX found in the file.')
    byRole('button', 'Save changes')
  })

  it('ask to keep a program without a silent switch, instead of a tick', async () => {
    await showForm(upload(1, { knowledge: { ...KNOWN, technology: null, facts: {} } }))
    expect(shownText()).toContain('read the notes before you deploy it')
    expect(shownText()).toContain('No silent switch is known')
    byRole('button', 'Keep without a silent switch')
  })

  it('show first what will go wrong on a PC', async () => {
    const warnings = [{ code: 'may_wait' as const, text: 'It may wait for an answer.' }]
    await showForm(upload(1, { knowledge: { ...KNOWN, warnings } }))
    const text = shownText()
    expect(text).toContain('read the notes before you deploy it')
    expect(text.indexOf('It may wait for an answer.')).toBeLessThan(text.indexOf('Publisher'))
  })
})

describe('an upload that the library knows', () => {
  const file = { sha256: 'a'.repeat(64) }

  it('with the same file offers to open the existing entry, or to remove the second one', async () => {
    const { call, done, opened } = await showForm(upload(2, file), [
      upload(1, { ...file, name: 'Old name' }),
    ])
    expect(shownText()).toContain('Already in the library: Old name 1.0')
    expect(shownText()).toContain('because its details differ')
    await click(byRole('button', 'Open Old name 1.0'))
    expect(opened).toHaveBeenCalledWith(1)
    await click(byRole('button', 'Remove this second entry'))
    await vi.waitFor(() => expect(done).toHaveBeenCalled())
    expect(call.mock.calls.map(([route, input]) => [route, input])).toEqual([
      ['software.delete', { params: { id: 2 } }],
    ])
  })

  it.each([
    [{ owner_id: 2, created_by_name: 'ann' }, 'by ann. This is a second entry, which is your own.'],
    [{ owner_id: 2 }, 'by another user. This is a second entry, which is your own.'],
    [{ name: 'setup (1)' }, 'This is a second entry, because this file has another name.'],
  ])('with the same file beside %j says why there is a second entry', async (change, text) => {
    const first = Software.parse({ ...upload(1, file), name: 'setup', ...change })
    const { opened } = await showForm(upload(2, { ...file, name: 'setup' }), [first])
    expect(shownText()).toContain('Already in the library: setup')
    expect(shownText()).toContain(text)
    await click(allByRole('button').find((button) => /^Open setup/.test(shownText(button)))!)
    expect(opened).toHaveBeenCalledWith(1)
  })

  it.each([
    ['2.0', 'A newer version of Probe 1.0'],
    ['0.9', 'The library already has a newer version: Probe 1.0'],
    ['1.0', 'The library already has this version from another file: Probe 1.0'],
  ])('as version %s says so', async (version, text) => {
    await showForm(upload(2, { version, sha256: 'b'.repeat(64) }), [upload(1, file)])
    expect(shownText()).toContain(text)
    expect(allByRole('button', 'Remove this second entry')).toEqual([])
  })
})
