/** Uploads that end while their sheet is closed. */
import { expect, it, vi } from 'vitest'
import { h } from 'vue'
import type { Software } from '#shared/contract/rest/software.ts'
import { API } from '../../api/index.ts'
import { aSoftware } from '../../test-kit.ts'
import { show, shownText } from '../../test-kit/mounted.ts'
import { UApp } from '../../ui/ui.ts'
import { useSoftwareStore } from '../software/index.ts'
import { useUploadsStore } from './uploads-store.ts'
import UploadSheet from './UploadSheet.vue'

/** Uploads `setup.sh` and closes the sheet before the controller answers. */
async function upload(answer: Software & { existing?: true }, library: Software[]) {
  const api = { call: () => Promise.resolve({}), upload: () => Promise.resolve(answer) }
  await show(
    () =>
      h(UApp, () =>
        h(UploadSheet, {
          onVnodeBeforeMount: () => {
            for (const one of library) useSoftwareStore().put(one)
            useUploadsStore().add([new File(['x'], 'setup.sh')])
            useUploadsStore().sheetOpen = false
          },
        }),
      ),
    { [API]: api },
  )
}
const [first, second] = [aSoftware({ id: 1, name: 'First' }), aSoftware({ id: 2, name: 'Second' })]

it.each<[string, Software & { existing?: true }, Software[], string]>([
  ['new software', first, [], 'Added to the library'],
  ['what the library has', { ...first, existing: true }, [first], 'Already in the library'],
  [
    'a second entry with the same file',
    second,
    [first],
    'Already in the library: First 3.0.21. This is a second entry.',
  ],
])('announces %s', async (_what, answer, library, text) => {
  await upload(answer, library)
  await vi.waitFor(() => expect(shownText()).toContain(`${answer.name} 3.0.21${text}Details`))
})
