/** The rows of a live list: filtered and sorted when a person says so, never by themselves. */
import { computed, ref, shallowRef, watch } from 'vue'
import type { ComputedRef, Ref } from 'vue'
import { keepOrder } from '../lib/stable-order.ts'
import { nextSort } from './data-list.ts'
import type { Sort } from './data-list.ts'

export type Rows<T> = { rows: ComputedRef<T[]>; sort: Ref<Sort>; sortBy: (key: string) => void }

/**
 * @param items everything there is, in its natural order
 * @param filter which of them are shown; when `filterKey` changes the order is made anew
 * @param order comparators by column; a tie keeps the natural order
 */
export function useRows<T>(options: {
  items: () => readonly T[]
  keyOf: (item: T) => number
  filter: (item: T) => boolean
  filterKey: () => unknown
  order: Record<string, (a: T, b: T) => number>
  initial: Sort
}): Rows<T> {
  const sort = ref<Sort>(options.initial)
  const shown = shallowRef<number[]>([])

  const sorted = computed(() => {
    const compare = options.order[sort.value.key]
    const items = options.items().filter(options.filter)
    if (!compare) return items
    return items.sort((a, b) => (sort.value.descending ? -compare(a, b) : compare(a, b)))
  })
  const rows = computed(() => keepOrder(shown.value, sorted.value, options.keyOf))
  // A new sort or filter starts over; otherwise what was shown keeps its place.
  watch([sort, options.filterKey], () => (shown.value = []), { flush: 'sync' })
  watch(
    rows,
    (next) => {
      const keys = next.map(options.keyOf)
      if (keys.length !== shown.value.length || keys.some((k, i) => k !== shown.value[i]))
        shown.value = keys
    },
    { immediate: true },
  )
  return { rows, sort, sortBy: (key) => (sort.value = nextSort(sort.value, key)) }
}
