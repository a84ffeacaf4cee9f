/** The rows of a live list: filtered and sorted when a person says so, never by themselves. */
import { computed, ref, shallowRef, watch } from 'vue'
import type { ComputedRef, Ref } from 'vue'
import { keepOrder } from './lib/stable-order.ts'
import { nextSort } from './data-list.ts'
import type { Sort } from './data-list.ts'

export type Rows<T> = {
  rows: ComputedRef<T[]>
  sort: Ref<Sort>
  sortBy: (key: string, downFirst?: boolean) => void
  /** While the pointer is over the list, what is new waits at its end; afterwards it takes its place. */
  pin: (on: boolean) => void
}

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

  const compare = computed(() => {
    const ascending = options.order[sort.value.key]
    if (!ascending) return null
    return sort.value.descending ? (a: T, b: T) => -ascending(a, b) : ascending
  })
  const rows = computed(() =>
    keepOrder(shown.value, options.items().filter(options.filter), options.keyOf, compare.value),
  )
  // A new sort or filter starts over; otherwise what was shown keeps its place.
  watch([sort, options.filterKey], () => (shown.value = []), { flush: 'sync' })
  let pinned = false
  let misplaced = false
  watch(
    rows,
    (next) => {
      const keys = next.map(options.keyOf)
      const before = new Set(shown.value)
      const grown = before.size > 0 && keys.some((key) => !before.has(key))
      if (grown && !pinned) shown.value = []
      else if (grown || keys.length !== shown.value.length) {
        misplaced ||= grown
        shown.value = keys
      }
    },
    { immediate: true },
  )
  function pin(on: boolean): void {
    pinned = on
    if (!on && misplaced) {
      misplaced = false
      shown.value = []
    }
  }
  return {
    rows,
    sort,
    sortBy: (key, downFirst = false) => (sort.value = nextSort(sort.value, key, downFirst)),
    pin,
  }
}
