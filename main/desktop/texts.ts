/** `t` of the desktop app. */
import { translator } from '#shared/domain/templates.ts'
import { en } from './messages.en.ts'

export const t = translator(en)
