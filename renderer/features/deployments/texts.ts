/** `t` of this feature. */
import { textsOf } from '../../ui/i18n.ts'
import { en } from './messages.en.ts'

export const t = textsOf('deployments', en)
