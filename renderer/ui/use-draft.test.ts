import { describe, expect, it } from 'vitest'
import { computed, nextTick, reactive, shallowRef } from 'vue'
import { useDraft } from './use-draft.ts'

const stored = (part: Partial<{ name: string; version: string; codes: string[] }> = {}) => ({
  name: 'tool',
  version: '1',
  codes: ['0'],
  ...part,
})

describe('a draft', () => {
  it.each(['before the first change', 'after an earlier change'])(
    'keeps what was typed %s of the stored data',
    async (when) => {
      const source = shallowRef(stored())
      const draft = useDraft(computed(() => ({ ...source.value })))
      if (when === 'after an earlier change') {
        source.value = stored({ version: '2' })
        await nextTick()
      }
      draft.value.name = 'Tool'
      draft.value.codes.push('3010')
      source.value = stored({ version: '3' })
      await nextTick()
      expect(draft.value).toEqual({ name: 'Tool', version: '3', codes: ['0', '3010'] })
    },
  )

  it('leaves the data that it was made from unchanged', () => {
    const source = shallowRef(stored())
    const base = computed(() => ({ ...source.value }))
    const draft = useDraft(base)
    draft.value.name = 'Tool'
    draft.value.codes.push('3010')
    expect([base.value, source.value]).toEqual([stored(), stored()])
  })

  it('can be made from reactive data', () => {
    const draft = useDraft(computed(() => ({ ...reactive(stored()) })))
    expect(draft.value).toEqual(stored())
  })
})
