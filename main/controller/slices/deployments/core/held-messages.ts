/** Sentences for PCs that may not work now. */
import type { HeldBy } from '#shared/domain/reasons.ts'

export const HELD_MESSAGES: Record<
  HeldBy,
  {
    waits: string
    tooLong: (pc: string, time: string) => string
    /** For the preview. */
    foreseen: (time: string) => string
  }
> = {
  on_battery: {
    waits: 'Waits: the PC runs on its battery.',
    tooLong: (pc, time) =>
      `${pc} was running on its battery for ${time}. Plug it in and retry, or allow work on battery in the settings.`,
    foreseen: (time) =>
      `On battery: waits up to ${time} to be plugged in. The settings can allow work on battery.`,
  },
  on_metered: {
    waits: 'Waits: the PC is on a metered network.',
    tooLong: (pc, time) =>
      `${pc} was on a metered network for ${time}. Connect it to another one and retry, or allow work on metered networks in the settings.`,
    foreseen: (time) =>
      `On a metered network: waits up to ${time} for another one. The settings can allow metered ones.`,
  },
}
