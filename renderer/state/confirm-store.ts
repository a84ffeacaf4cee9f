/** The pending confirmation of an action that cannot be undone. */
import { defineStore } from 'pinia'
import { shallowRef } from 'vue'

export type Question = {
  title: string
  text: string
  action: string
  /** Destructive: the button is red. */
  danger?: boolean
  /** Label of the button that changes nothing; "Cancel" by default. */
  keep?: string
}

export const useConfirmStore = defineStore('confirm', () => {
  const question = shallowRef<Question | null>(null)
  let give: ((yes: boolean) => void) | null = null

  function answer(yes: boolean): void {
    give?.(yes)
    give = null
    question.value = null
  }
  function ask(next: Question): Promise<boolean> {
    answer(false)
    question.value = next
    return new Promise((resolve) => (give = resolve))
  }
  return { question, ask, answer }
})
