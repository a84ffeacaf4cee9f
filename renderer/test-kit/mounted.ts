/** Mounts a component as the console does, and finds what it shows the way users do: by role and accessible name. */
import ui from '@nuxt/ui/vue-plugin'
import { enableAutoUnmount, flushPromises, mount } from '@vue/test-utils'
import {
  computeAccessibleDescription,
  computeAccessibleName,
  getRole,
  isInaccessible,
} from 'dom-accessibility-api'
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, expect } from 'vitest'
import { defineComponent, nextTick, type VNode } from 'vue'
import { createMemoryHistory, createRouter } from 'vue-router'
import { i18n } from '../ui/i18n.ts'

const warnings: string[] = []
// Hooks run in reverse order: components leave first.
afterEach(() => {
  document.body.replaceChildren()
  expect(warnings.splice(0)).toEqual([])
})
enableAutoUnmount(afterEach)

/**
 * Shows what `render` returns, in the page itself, so that focus and dialogs work. What `render` reads from refs stays up to date.
 * @param provided what components and stores inject, such as the API
 */
export async function show(
  render: () => VNode | VNode[],
  provided: Record<symbol, unknown> = {},
): Promise<void> {
  const pinia = createPinia()
  setActivePinia(pinia)
  const router = createRouter({
    history: createMemoryHistory(),
    routes: [{ path: '/', component: defineComponent(() => () => null) }],
  })
  mount(
    defineComponent(() => render),
    {
      attachTo: document.body,
      global: {
        plugins: [pinia, router, ui, i18n],
        provide: provided,
        config: { warnHandler: (message) => void warnings.push(message) },
      },
    },
  )
  await flushPromises()
}

const nameOf = (element: Element): string => computeAccessibleName(element).trim()
type Name = string | RegExp

/** All elements of this role that are not hidden from users. */
export const allByRole = (role: string, name?: Name): HTMLElement[] =>
  [...document.body.querySelectorAll<HTMLElement>('*')].filter(
    (element) =>
      getRole(element) === role &&
      !isInaccessible(element) &&
      (name === undefined ||
        (typeof name === 'string' ? nameOf(element) === name : name.test(nameOf(element)))),
  )

/** The only element of this role and name. @throws Error that lists the names that are there */
export function byRole(role: string, name?: Name): HTMLElement {
  const [found, ...others] = allByRole(role, name)
  if (found && others.length === 0) return found
  const names = allByRole(role).map((element) => JSON.stringify(nameOf(element)))
  throw new Error(
    `${others.length + (found ? 1 : 0)} elements with role ${role} and name ${String(name)}; there are: ${names.join(', ')}`,
  )
}

export async function click(element: HTMLElement, options: MouseEventInit = {}): Promise<void> {
  element.dispatchEvent(new MouseEvent('click', { bubbles: true, cancelable: true, ...options }))
  await nextTick()
}

/** Presses a key on the element that has the focus. @returns whether the browser's own action was prevented */
export async function press(key: string, options: KeyboardEventInit = {}): Promise<boolean> {
  const event = new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true, ...options })
  ;(document.activeElement ?? document.body).dispatchEvent(event)
  await nextTick()
  return event.defaultPrevented
}

export async function type(field: HTMLElement, text: string): Promise<void> {
  ;(field as HTMLInputElement).value = text
  field.dispatchEvent(new Event('input', { bubbles: true }))
  await nextTick()
}

/** The text that users see. */
export const shownText = (element: Element = document.body): string =>
  (element.textContent ?? '').replaceAll(/\s+/g, ' ').trim()

/** What screen readers add to the name of a field: hints and errors. */
export const descriptionOf = (element: Element): string =>
  computeAccessibleDescription(element).replaceAll(/\s+/g, ' ').trim()
