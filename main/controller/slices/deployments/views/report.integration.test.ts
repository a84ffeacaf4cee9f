/** The report of a deployment, in the formats that people and scripts open. */
import { unzipSync } from 'fflate'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { DeploymentId } from '#shared/domain/ids.ts'
import { until } from '#shared/test-kit/until.ts'
import { replyCheck } from '../../../test-kit/reply-check.ts'
import { startTestController, type TestController } from '../../../test-kit/test-controller.ts'

const NAMES = ['000457', '=1+1', 'Büro-Süd; Empfang, "1. OG"', '+49-PC', '1E5']
let t: TestController
let id: DeploymentId

beforeAll(async () => {
  t = await startTestController({ timings: { presence: { connectGraceMs: 0 } } })
  const device_ids = []
  for (const name of NAMES) device_ids.push((await t.enroll(name)).deviceId)
  const software = await t.addScript('tool', '#!/bin/sh\nexit 0\n')
  const body = { name: 'Report', software_ids: [software.id], device_ids }
  id = (await t.rest.call('deployments.create', { body })).deployment_id
  // No agent is connected: every target fails as offline.
  await until('it has failed', async () => {
    const { status } = await t.rest.call('deployments.get', { params: { id } })
    return status === 'failed'
  })
})
afterAll(() => t.stop())

const download = async (path: string): Promise<{ type: string | null; bytes: Buffer }> => {
  const response = await fetch(`${t.controller.consoleUrl}/deployments/${id}/${path}`, {
    headers: { authorization: `Bearer ${t.session.token}` },
  })
  expect(response.status).toBe(200)
  const type = response.headers.get('content-type')
  const bytes = Buffer.from(await response.arrayBuffer())
  replyCheck()!('GET', `/deployments/${id}/${path}`, {
    status: response.status,
    contentType: type,
    body: bytes.toString('latin1'),
  })
  return { type, bytes }
}

type SheetCell = { column: string; type: string; text: string }
/** The cells of a sheet's rows, as Excel resolves them. Empty ones are left out. */
function cellsOf(workbook: Buffer): SheetCell[][] {
  const files = unzipSync(workbook)
  const text = (name: string): string => Buffer.from(files[name] ?? []).toString('utf8')
  const decode = (xml: string): string =>
    xml
      .replaceAll('&lt;', '<')
      .replaceAll('&gt;', '>')
      .replaceAll('&quot;', '"')
      .replaceAll('&apos;', "'")
      .replaceAll('&amp;', '&')
  const shared = [...text('xl/sharedStrings.xml').matchAll(/<si>(.*?)<\/si>/gs)].map(([, si]) =>
    decode(si!.replaceAll(/<[^>]+>/g, '')),
  )
  const sheet = text('xl/worksheets/sheet1.xml')
  expect(sheet).not.toContain('<f>')
  return [...sheet.matchAll(/<row [^>]*>(.*?)<\/row>/gs)].map(([, row]) =>
    [...row!.matchAll(/<c ([^>]*?)(?:\/>|>(.*?)<\/c>)/gs)].map(([, attributes, inner]) => {
      const type = /t="(\w+)"/.exec(attributes!)?.[1] ?? 'n'
      const raw = decode((inner ?? '').replaceAll(/<[^>]+>/g, ''))
      const column = /r="([A-Z]+)\d+"/.exec(attributes!)![1]!
      return { column, type, text: type === 's' ? shared[Number(raw)]! : raw }
    }),
  )
}

describe('the workbook', () => {
  it('keeps names as text, even if they look like a number or a formula', async () => {
    const { type, bytes } = await download('report.xlsx')
    expect(type).toBe('application/vnd.openxmlformats-officedocument.spreadsheetml.sheet')
    const [head, ...rows] = cellsOf(bytes)
    expect(head!.map((cell) => cell.text).slice(0, 3)).toEqual(['PC', 'Software', 'State'])
    expect(rows.map((row) => row[0]!.text).sort()).toEqual([...NAMES].sort())
    for (const row of rows) expect(row[0]!.type).toBe('s')
  })

  it('keeps attempts and times as numbers, so that they can be sorted, and names the time zone', async () => {
    const [head, first] = cellsOf((await download('report.xlsx')).bytes)
    const at = (name: string): SheetCell => {
      const column = head!.find((cell) => cell.text === name)!.column
      return first!.find((cell) => cell.column === column)!
    }
    expect(at('Attempt')).toMatchObject({ type: 'n', text: '1' })
    // Days since 1900, as Excel counts: later than 2020.
    expect(at('Ended (UTC)').type).toBe('n')
    expect(Number(at('Ended (UTC)').text)).toBeGreaterThan(43_831)
  })
})

describe('the CSV', () => {
  it('uses semicolons when asked to, and quotes cells that contain one', async () => {
    const lines = (await download('report.csv?separator=%3B')).bytes.toString('utf8').split('\r\n')
    expect(lines[0]).toMatch(/^\uFEFFPC;Software;State;/)
    expect(lines).toHaveLength(NAMES.length + 2)
    expect(lines.find((line) => line.includes('Empfang'))).toMatch(
      /^"Büro-Süd; Empfang, ""1\. OG""";tool/,
    )
    for (const line of lines) expect(line).not.toMatch(/^"?[=+@-]/)
  })
  it('uses commas by default, for scripts', async () => {
    const text = (await download('report.csv')).bytes.toString('utf8')
    expect(text).toMatch(/^\uFEFFPC,Software,State,Reason,Attempt,Exit code,Meaning,Message,/)
  })
  it('refuses any other separator', async () => {
    const { status } = await t.rest.raw('GET', `/deployments/${id}/report.csv?separator=x`)
    expect(status).toBe(400)
  })
})
