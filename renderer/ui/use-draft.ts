/** A form over data that others may change during editing. */
import { ref, watch, type Ref } from 'vue'
import { rebase } from './lib/rebase.ts'

/** A plain copy without Vue proxies, which structuredClone cannot clone. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, plain(part)]))
}

/** A copy that a form may edit. `base` must stay unchanged, because edits are compared with it. */
export const copyOf = <T extends object>(base: T): T => plain(base) as T

/**
 * The editable copy of `base` for a form. When `base` changes, edited fields are kept and the others are updated.
 * @param base plain data, a new object on every change
 * @param onChange called before the fields are updated
 */
export function useDraft<T extends object>(
  base: Ref<T>,
  onChange: (draft: T, before: T, after: T) => void = () => undefined,
): Ref<T> {
  const draft = ref(copyOf(base.value)) as Ref<T>
  watch(base, (after, before) => {
    onChange(draft.value, before, after)
    draft.value = rebase(draft.value, before, copyOf(after))
  })
  return draft
}
