import { describe, expect, it } from 'vitest'
import { createSpeedMeter } from './speed.ts'

describe('the speed meter', () => {
  it('has no speed after one reading', () => {
    const meter = createSpeedMeter()
    meter.read(0, 0)
    expect(meter.speed(100)).toBeNull()
  })
  it('reports a steady speed exactly', () => {
    const meter = createSpeedMeter()
    for (let s = 0; s <= 10; s++) meter.read(s * 1_000, s * 1_000)
    expect(meter.speed(10_000)).toBeCloseTo(1_000)
  })
  it('smooths bursts', () => {
    const meter = createSpeedMeter()
    meter.read(0, 0)
    meter.read(1_000, 1_000)
    meter.read(5_000, 1_010)
    expect(meter.speed(1_010)).toBeCloseTo(1_000)
  })
  it('adapts to a change within a few half-lives', () => {
    const meter = createSpeedMeter(1_000)
    for (let s = 0; s <= 5; s++) meter.read(s * 1_000, s * 1_000)
    for (let s = 1; s <= 8; s++) meter.read(5_000 + s * 10_000, (5 + s) * 1_000)
    expect(meter.speed(13_000)).toBeGreaterThan(9_900)
  })
  it('has no speed after a while without progress', () => {
    const meter = createSpeedMeter(1_000, 5_000)
    meter.read(0, 0)
    meter.read(1_000, 1_000)
    expect(meter.speed(5_900)).not.toBeNull()
    expect(meter.speed(6_100)).toBeNull()
  })
  it('starts over with a new attempt', () => {
    const meter = createSpeedMeter()
    meter.read(0, 0)
    meter.read(5_000, 1_000)
    meter.read(10, 2_000)
    expect(meter.speed(2_000)).toBeNull()
  })
})
