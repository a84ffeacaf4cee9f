/** What is read from the project's own installers is true, or absent. More of them: `npm run corpus -- DIR`. */
import { afterAll, describe, expect, it } from 'vitest'
import { KNOWN_TECHNOLOGIES } from '#shared/domain/installer-technology.ts'
import { openInspector } from '../../main/controller/test-kit/inspector.ts'
import { SAMPLES } from '../../main/controller/test-kit/samples/index.ts'
import { compare, TrueFacts, type Comparison } from './compare.ts'

const inspector = openInspector()
afterAll(() => inspector.close())

/** Fields that are honestly absent, by file: the format holds them in a way that is not read. */
const ABSENT: Readonly<Record<string, readonly string[]>> = {
  // The installer records whether it registers for one user or the PC after the part that changed.
  'inno-newer.exe': ['detection'],
  // What they run decides.
  'sfx-rar.exe': ['is_installer'],
  'sfx-rar-4.exe': ['is_installer'],
  'plain-upx.exe': ['is_installer'],
}

async function compared(sample: (typeof SAMPLES)[number]): Promise<Comparison> {
  const truth = TrueFacts.strict().parse(sample.truth)
  return inspector.look(truth.file, await sample.bytes()).then(
    (facts) => compare(truth, facts),
    (error: Error) => compare(truth, null, error.message),
  )
}

describe('the installers of every technology', () => {
  it.each(SAMPLES.map((sample) => [sample.truth.file, sample] as const))(
    '%s is read right',
    async (file, sample) => {
      const found = await compared(sample)
      const notRight = Object.entries(found).filter(([, { verdict }]) => verdict !== 'right')
      const absent = ABSENT[file] ?? []
      const unexpected = notRight.filter(
        ([field, { verdict }]) => verdict === 'wrong' || !absent.includes(field),
      )
      expect(unexpected).toEqual([])
      expect(notRight.map(([field]) => field)).toEqual(absent)
      expect(inspector.faults).toEqual([])
    },
  )

  it('include one of each', () => {
    const made = new Set(SAMPLES.map(({ truth }) => truth['tech']))
    expect(Object.keys(KNOWN_TECHNOLOGIES).filter((one) => !made.has(one))).toEqual([])
  })
})
