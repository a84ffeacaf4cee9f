/** A question before something that cannot be undone. */
import { defineStore } from 'pinia'
import { shallowRef } from 'vue'

export type Question = {
  title: string
  text: string
  action: string
  /** Destructive: the button is red. */
  danger?: boolean
  /** What leaves everything as it is; "Cancel" unless told. */
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
