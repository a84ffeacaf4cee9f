/** Keeps the computer awake while PCs are working: if the laptop sleeps, no agent reaches the hub. */

/** The part of Electron's powerSaveBlocker that is used. */
export type SleepBlocker = {
  start: (type: 'prevent-app-suspension') => number
  stop: (id: number) => void
}

export function createKeepAwake(blocker: SleepBlocker) {
  let id: number | null = null
  const update = (runningTargets: number): void => {
    if (runningTargets > 0) id ??= blocker.start('prevent-app-suspension')
    else if (id !== null) {
      blocker.stop(id)
      id = null
    }
  }
  return { update, stop: (): void => update(0) }
}
