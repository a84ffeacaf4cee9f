/** `t` of the console's frame. */
import { textsOf } from '../ui/i18n.ts'
import { en } from './messages.en.ts'

export const t = textsOf('app', en)
