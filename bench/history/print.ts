/** The figures of `bench history` for people, and as one line for programs. */
import type { HistoryReport } from './index.ts'
import type { CallFigure } from './measure-calls.ts'

/** Targets: what an answer and a pause may take. */
const ANSWER_MS = 50
const PAUSE_MS = 30

const slowestOf = (calls: CallFigure[], pick: (call: CallFigure) => number): CallFigure =>
  calls.reduce((worst, call) => (pick(call) > pick(worst) ? call : worst))
const round = (ms: number, digits = 1): number => Number(ms.toFixed(digits))

export function historyLine(report: HistoryReport): object {
  const slowest = slowestOf(
    report.calls.filter(({ slow }) => slow === null),
    ({ ms }) => ms,
  )
  const worst = slowestOf(report.calls, ({ pauseMs }) => pauseMs)
  return {
    idle_gap_ms: round(report.idleGapMs.history),
    slowest_endpoint: slowest.name,
    slowest_endpoint_ms: round(slowest.ms),
    worst_stall_ms: round(worst.pauseMs),
    worst_stall_endpoint: worst.name,
    start_ms: round(report.startMs.history, 0),
    dispatch_ratio: round(report.dispatchMs.history / report.dispatchMs.empty, 2),
    database_mib: round(report.databaseBytes / 2 ** 20, 0),
    seed_ms: report.seededMs === null ? null : round(report.seededMs, 0),
  }
}

export function printHistory(report: HistoryReport): string {
  const { size, calls, idleGapMs, startMs, dispatchMs } = report
  const width = Math.max(...calls.map(({ name }) => name.length))
  const cell = (ms: number) => `${ms.toFixed(1)} ms`.padStart(11)
  const beside = (name: string, { history, empty }: { history: number; empty: number }) =>
    `${name.padEnd(width)}${cell(history)}${cell(empty)}  ${(history / empty).toFixed(2)}×`
  const mib = (report.databaseBytes / 2 ** 20).toFixed(0)
  return [
    `history: ${size.devices} PCs, ${size.deployments} deployments, ${size.deployments * size.targetsPerDeployment} targets, ${size.auditEntries} audit entries (${mib} MiB)`,
    'reference: the same controller with an empty history',
    report.seededMs === null
      ? 'The history was made by an earlier run.'
      : `The history was made in ${(report.seededMs / 1000).toFixed(1)} s.`,
    '',
    `${''.padEnd(width)}    history      empty  ratio`,
    beside('idle: longest gap of the event loop', idleGapMs),
    beside('serve: command → both ports accept', startMs),
    beside('dispatch to 200 agents → last result acknowledged', dispatchMs),
    '',
    `${''.padEnd(width)}     answer      first      pause`,
    ...calls
      .toSorted((a, b) => b.ms - a.ms)
      .map(
        ({ name, ms, firstMs, pauseMs, slow }) =>
          `${name.padEnd(width)}${cell(ms)}${cell(firstMs)}${cell(pauseMs)}${
            (slow === null && ms > ANSWER_MS) || pauseMs > PAUSE_MS ? '  over the target' : ''
          }${slow === null ? '' : `  (${slow})`}`,
      ),
    '',
  ].join('\n')
}
