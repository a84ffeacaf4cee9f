/** The window's position at start: the last one, if the user can still reach it there. Pure. */
import type { ShellState } from './stored-values.ts'

export type Area = { x: number; y: number; width: number; height: number }
export const DEFAULT_WINDOW = { width: 1280, height: 800 } as const
export const MIN_WINDOW = { width: 960, height: 640 } as const

/** At least this much of the title bar must be on a screen for the mouse to grab it. */
const GRIP = { width: 120, height: 24 } as const

const overlap = (a: number, aSize: number, b: number, bSize: number): number =>
  Math.min(a + aSize, b + bSize) - Math.max(a, b)

/**
 * @param saved the stored position, null at the first start
 * @param workAreas of the current screens
 * @returns the bounds; without x and y the window is centred
 */
export function placeWindow(
  saved: ShellState['window'],
  workAreas: readonly Area[],
): { width: number; height: number; x?: number; y?: number; maximized: boolean } {
  const home = saved
    ? workAreas.find(
        (area) =>
          overlap(saved.x, saved.width, area.x, area.width) >= GRIP.width &&
          overlap(saved.y, GRIP.height, area.y, area.height) >= GRIP.height,
      )
    : undefined
  const room = home ?? workAreas[0] ?? { x: 0, y: 0, ...DEFAULT_WINDOW }
  const fit = (wanted: number, min: number, max: number) => Math.max(min, Math.min(wanted, max))
  const size = {
    width: fit(saved?.width ?? DEFAULT_WINDOW.width, MIN_WINDOW.width, room.width),
    height: fit(saved?.height ?? DEFAULT_WINDOW.height, MIN_WINDOW.height, room.height),
  }
  const maximized = saved?.maximized ?? false
  return saved && home ? { ...size, x: saved.x, y: saved.y, maximized } : { ...size, maximized }
}
