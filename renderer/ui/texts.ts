/** `t` of the shared components. */
import { textsOf } from './i18n.ts'
import { en } from './messages.en.ts'

export const t = textsOf('ui', en)
