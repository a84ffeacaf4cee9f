import { expect, it } from 'vitest'
import { placeWindow } from './window-place.ts'

const LAPTOP = { x: 0, y: 30, width: 1440, height: 870 }
const BESIDE = { x: 1440, y: 0, width: 1920, height: 1080 }
const saved = { x: 1500, y: 40, width: 1300, height: 800, maximized: false }

it('opens at its default size in the middle at the first start', () => {
  expect(placeWindow(null, [LAPTOP])).toEqual({ width: 1280, height: 800, maximized: false })
})

it('opens at its last position', () => {
  expect(placeWindow(saved, [LAPTOP, BESIDE])).toEqual(saved)
  expect(placeWindow({ ...saved, maximized: true }, [LAPTOP, BESIDE]).maximized).toBe(true)
})

it('opens in the middle if its screen is no longer connected', () => {
  expect(placeWindow(saved, [LAPTOP])).toEqual({ width: 1300, height: 800, maximized: false })
})

it('opens in the middle if its title bar would be unreachable', () => {
  expect(placeWindow({ ...saved, x: 0, y: -600 }, [LAPTOP]).x).toBeUndefined()
  expect(placeWindow({ ...saved, x: -1290, y: 100 }, [LAPTOP]).x).toBeUndefined()
  expect(placeWindow({ ...saved, x: 1400, y: 100 }, [LAPTOP]).x).toBeUndefined()
  expect(placeWindow({ ...saved, x: 1200, y: 100 }, [LAPTOP]).x).toBe(1200)
})

it('is no larger than the screen and no smaller than usable', () => {
  const huge = { ...saved, x: 0, y: 40, width: 5000, height: 4000 }
  expect(placeWindow(huge, [LAPTOP])).toMatchObject({ width: 1440, height: 870 })
  const tiny = { ...saved, x: 0, y: 40, width: 10, height: 10 }
  expect(placeWindow(tiny, [LAPTOP])).toMatchObject({ width: 960, height: 640 })
  expect(placeWindow(null, [{ x: 0, y: 0, width: 800, height: 600 }])).toMatchObject({
    width: 960,
    height: 640,
  })
})
