/** A fact in a FactList. */
export type Fact = {
  label: string
  value: string | null
  mono?: boolean
  /** The value can be copied. */
  copy?: boolean
  testid?: string
}
