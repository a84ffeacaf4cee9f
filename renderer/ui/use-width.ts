/** The width of an element, updated as it changes. */
import { onBeforeUnmount, ref, watch } from 'vue'
import type { Ref } from 'vue'

/** @returns px; null until measured */
export function useWidth(element: Readonly<Ref<HTMLElement | null>>): Readonly<Ref<number | null>> {
  const width = ref<number | null>(null)
  const observer = new ResizeObserver(() => (width.value = element.value?.clientWidth ?? null))
  watch(
    element,
    (now, before) => {
      if (before) observer.unobserve(before)
      if (now) observer.observe(now)
    },
    { immediate: true, flush: 'post' },
  )
  onBeforeUnmount(() => observer.disconnect())
  return width
}
