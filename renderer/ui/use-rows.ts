/** The rows of a live list: reordered only when the user sorts or filters, never while figures change. */
import { computed, ref, shallowRef, watch } from 'vue'
import type { ComputedRef, Ref } from 'vue'
import { keepOrder } from './lib/stable-order.ts'
import { nextSort } from './data-list.ts'
import type { Sort } from './data-list.ts'

export type Rows<T> = {
  rows: ComputedRef<T[]>
  sort: Ref<Sort>
  sortBy: (key: string, downFirst?: boolean) => void
  /** While the pointer is over the list, new rows wait at its end; afterwards they move to their place. */
  pin: (on: boolean) => void
}

/**
 * @param items all items, in their natural order
 * @param filter which items are shown; a change of `filterKey` sorts the rows again
 * @param order comparators by column; ties keep the natural order
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
  // A new sort or filter starts over; otherwise shown rows keep their place.
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
