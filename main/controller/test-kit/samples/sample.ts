/** A small installer made for tests, with what is true about it. */
export type Sample = {
  /** A row of a corpus's manifest (build/corpus/compare.ts). `bad`: it must be refused. */
  truth: Record<string, unknown> & { file: string }
  bytes: () => Buffer | Promise<Buffer>
}

export const CODE = '{11111111-2222-3333-4444-555555555555}'
export const PROBE = { name: 'Probe', version: '2.5.0', publisher: 'Ann Onym' } as const
