/** A form over something that others change at the same time. */
import { ref, watch, type Ref } from 'vue'
import { rebase } from './lib/rebase.ts'

/** Plain data, without what makes it reactive (structuredClone refuses that). */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, plain(part)]))
}

/** A copy that a form may edit: `base` is what the edits are compared with, and must stay as it is. */
export const copyOf = <T extends object>(base: T): T => plain(base) as T

/**
 * What a form edits. It begins as a copy of `base`; when `base` changes, edited fields stay and the others follow.
 * @param base plain data, made anew at each call or change
 * @param onChange called before the fields follow
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
